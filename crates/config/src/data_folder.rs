//! Whether a server keeps anything, and in which folder.

use std::path::{Path, PathBuf};

use crate::{GlobalLimits, Loaded};

impl Loaded {
    /// Whether a server with this configuration keeps anything. It does not where there is neither a master key, with which
    /// keys could be made, nor a budget or limits of all callers, a database, or a folder that somebody `named`.
    pub fn keeps_accounts(&self, named: Option<&Path>) -> bool {
        let (general, accounts) = (&self.settings.general, &self.settings.accounts);
        general.master_key.is_some()
            || accounts.database_url.is_some()
            || accounts.max_budget.is_some()
            || accounts.models_in_store
            || self.settings.trunkline.global_limits != GlobalLimits::default()
            || self.named_folder(named).is_some()
    }

    /// The folder that was `named`, else that of `data_dir`, else the state's folder of whoever runs this. `None` if nothing
    /// says where that is.
    pub fn data_folder(&self, named: Option<&Path>) -> Option<PathBuf> {
        let of_state = || self.environment.get("XDG_STATE_HOME").map(PathBuf::from);
        let of_home = || self.environment.get("HOME").map(|home| Path::new(home).join(".local/state"));
        let usual = || of_state().or_else(of_home).map(|folder| folder.join("trunkline"));
        self.named_folder(named).or_else(usual)
    }

    fn named_folder(&self, named: Option<&Path>) -> Option<PathBuf> {
        named.map(Path::to_owned).or_else(|| {
            let folder = &self.settings.trunkline.data_dir;
            Some(folder).filter(|folder| !folder.is_empty()).map(PathBuf::from)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, without_file};

    fn check(variables: &[(&str, &str)], named: Option<&str>, folder: Option<&str>, keeps: bool) {
        let loaded = without_file(&Environment::from_iter(variables.iter().copied()));
        let named = named.map(Path::new);
        assert_eq!(loaded.data_folder(named).as_deref(), folder.map(Path::new), "{variables:?}");
        assert_eq!(loaded.keeps_accounts(named), keeps, "{variables:?}");
    }

    #[test]
    fn the_folder_is_the_one_that_was_named_else_the_usual_one() {
        check(&[], None, None, false);
        check(&[("HOME", "/home/ann")], None, Some("/home/ann/.local/state/trunkline"), false);
        let both = [("HOME", "/home/ann"), ("XDG_STATE_HOME", "/state")];
        check(&both, None, Some("/state/trunkline"), false);
        check(&both, Some("/data"), Some("/data"), true);
        check(&[("LITELLM_MASTER_KEY", "sk-8c1b7f0d5e2a4c96")], None, None, true);
        check(&[("DATABASE_URL", "postgresql://a@b/c")], None, None, true);
    }
}
