//! The command line: LiteLLM's flags where they exist, with `-` and `_` alike.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use trunkline_agents::arguments::{address, seconds, whole};
use trunkline_core::Secret;

/// Serves every model behind one OpenAI-compatible API.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "trunkline",
    version,
    about = "An OpenAI-compatible gateway to language models. Reads LiteLLM's config.yaml.",
    before_help = EXAMPLES,
    disable_version_flag = true,
    args_conflicts_with_subcommands = false
)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The configuration, in LiteLLM's format [env: CONFIG_FILE_PATH]
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on [default: 0.0.0.0 with a master key, else 127.0.0.1]
    #[arg(long, value_parser = address)]
    pub(crate) host: Option<IpAddr>,
    /// Port to listen on; 0 takes a free one [default: 4000] [env: PORT]
    #[arg(short, long, value_parser = whole::<u16>)]
    pub(crate) port: Option<u16>,
    /// One model to serve without a file, such as vercel_ai_gateway/openai/gpt-4o
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// The name that --model is served under
    #[arg(long, requires = "model")]
    pub(crate) alias: Option<String>,
    /// The base URL that --model is called at
    #[arg(long, value_name = "URL", requires = "model")]
    pub(crate) api_base: Option<String>,
    /// Seconds that a call to an upstream may take [default: 6000]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) request_timeout: Option<Duration>,
    /// Seconds that a kept connection may rest [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) keepalive_timeout: Option<Duration>,
    /// Threads that serve [default: one a core] [env: NUM_WORKERS]
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) num_workers: Option<usize>,
    /// TLS: the certificate chain, as PEM
    #[arg(long, value_name = "FILE", requires = "ssl_keyfile_path")]
    pub(crate) ssl_certfile_path: Option<PathBuf>,
    /// TLS: the key, as PEM
    #[arg(long, value_name = "FILE", requires = "ssl_certfile_path")]
    pub(crate) ssl_keyfile_path: Option<PathBuf>,
    /// The folder that keys, budgets and the ledger are kept in [default: $XDG_STATE_HOME/trunkline]
    #[arg(long, value_name = "FOLDER", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Go on although this key of the file, or field of what is imported, is not supported and restricts; may be repeated
    #[arg(long, value_name = "KEY", global = true)]
    pub(crate) allow_unsupported: Vec<String>,
    /// Log what happens, one step below every request
    #[arg(long)]
    pub(crate) debug: bool,
    /// Log everything, libraries included
    #[arg(long)]
    pub(crate) detailed_debug: bool,
    /// The same as `check`, as LiteLLM spells it
    #[arg(long, hide = true, alias = "skip-server-startup")]
    pub(crate) validate_config: bool,
    /// Print the version
    #[arg(short, long, action = clap::ArgAction::Version)]
    version: Option<bool>,
    /// LiteLLM's flags for what Trunkline has only one way of doing: accepted, without effect.
    #[arg(long, hide = true, alias = "run-hypercorn", alias = "run-granian", alias = "drop-params")]
    run_gunicorn: bool,
}

impl Flags {
    /// The same, with a configuration that was named without a flag; it comes before one with it.
    pub(crate) fn with_file(mut self, file: Option<&PathBuf>) -> Self {
        self.config = file.cloned().or(self.config);
        self
    }
}

/// A configuration among what the command line could not be understood by.
pub(crate) fn file_without_flag(error: &clap::Error) -> Option<&str> {
    let of = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let unknown = of(ContextKind::InvalidArg).or_else(|| of(ContextKind::InvalidSubcommand))?;
    Some(unknown).filter(|text| text.ends_with(".yaml") || text.ends_with(".yml"))
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the configuration and say everything there is to say about it; exits with 1 on errors
    Check {
        /// The configuration, where --config does not name it
        file: Option<PathBuf>,
        /// Exit with 1 on warnings too
        #[arg(long)]
        strict: bool,
    },
    /// Say where a request would go and why, without sending it
    Explain(ExplainFlags),
    /// Hold the ledger against the bill of the Vercel AI Gateway; with --apply, put it right
    Reconcile(ReconcileFlags),
    /// Bring keys, users, teams, budgets and what they have spent over from LiteLLM's database
    ImportLitellm(ImportFlags),
    /// Print what points Claude Code at this gateway, for `eval` in a shell; or start it so
    Claude(AgentFlags),
    /// Print what points Codex at this gateway, for `eval` in a shell; or start it so
    Codex(AgentFlags),
    /// Print a completion script for a shell
    Completions { shell: Shell },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AgentFlags {
    /// Where the gateway is [default: this machine, at the port that the server would take]
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The gateway's key [env: TRUNKLINE_API_KEY] [default: the master key of the configuration]
    #[arg(long)]
    pub(crate) key: Option<Secret>,
    /// The model to ask for
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Start the agent instead; all that follows is for the agent
    #[arg(long, value_name = "ARGUMENT", num_args = 0.., allow_hyphen_values = true)]
    pub(crate) run: Option<Vec<String>>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ExplainFlags {
    /// A file with the request's body, or - for standard input
    pub(crate) request: PathBuf,
    /// What is asked [default: chat_completions]
    #[arg(long, default_value = "chat_completions", hide_default_value = true)]
    pub(crate) operation: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReconcileFlags {
    /// Take over what was billed, into rows, sums and budgets
    #[arg(long)]
    pub(crate) apply: bool,
    /// From when on: a day (2026-11-27), a time, or how long ago (30d, 12h)
    #[arg(long, value_name = "WHEN", default_value = "30d")]
    pub(crate) since: String,
    /// Until when [default: now]
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// Ask about every row that has an id, not only where the cost is not the upstream's own
    #[arg(long)]
    pub(crate) all: bool,
    /// Do not compare whole days: each look at the account's report costs half a cent
    #[arg(long)]
    pub(crate) no_report: bool,
    /// Have estimates add up to what their day was billed, where nobody else calls with the account
    #[arg(long, requires = "apply", conflicts_with = "no_report")]
    pub(crate) apportion: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ImportFlags {
    /// LiteLLM's database, which is read alone: postgresql://user:password@host:5432/name [default: the one of the
    /// configuration] [env: DATABASE_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<Secret>,
    /// Print what would be done, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take LiteLLM's word for what was made, changed or deleted here since
    #[arg(long)]
    pub(crate) overwrite: bool,
}

const EXAMPLES: &str = "\
Examples:
  trunkline                              every Vercel AI Gateway model, with the key in AI_GATEWAY_API_KEY
  trunkline --config config.yaml         LiteLLM's file, unchanged
  trunkline --model openai/llama3 --alias llama --api_base http://127.0.0.1:8080/v1
  trunkline check config.yaml            what the file means here, key by key
  trunkline claude --run                 Claude Code, asking this gateway";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use trunkline_agents::arguments::normalized;

    #[test]
    fn the_flags_are_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn dashes_and_underscores_are_alike() {
        let arguments = ["trunkline", "--api_base=http://x/a_b", "--num_workers", "2", "-m", "a_b"];
        let flags = Flags::parse_from(normalized(arguments.iter().map(|text| (*text).to_owned())));
        assert_eq!(flags.api_base.as_deref(), Some("http://x/a_b"));
        assert_eq!(flags.num_workers, Some(2));
        assert_eq!(flags.model.as_deref(), Some("a_b"));
    }

    #[test]
    fn what_follows_run_is_the_agents() {
        let arguments =
            "trunkline --port 4001 claude --model m --run -p a_b --max_turns --model x --url y -- z";
        let flags = Flags::parse_from(normalized(arguments.split(' ').map(str::to_owned)));
        let Some(Command::Claude(asked)) = flags.command else { panic!("{flags:?}") };
        assert_eq!((flags.port, asked.model.as_deref(), asked.url), (Some(4001), Some("m"), None));
        let run = asked.run.expect("it is to be started");
        assert_eq!(run, ["-p", "a_b", "--max_turns", "--model", "x", "--url", "y", "--", "z"]);
    }

    #[test]
    fn the_help_fits_on_one_screen_with_examples_first() {
        let help = Flags::command().render_help().to_string();
        assert!(help.starts_with("Examples:"), "{help}");
        assert!(help.lines().count() <= 50, "{} lines", help.lines().count());
    }
}
