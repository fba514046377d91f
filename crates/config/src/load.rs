//! From a file, or a text, to settings: the steps in their order.

use std::path::{Path, PathBuf};

use trunkline_core::Environment;

use crate::contents::Contents;
use crate::deployment::{self, RowDefaults};
use crate::deployment_settings::DeploymentSettings;
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::groups::Groups;
use crate::include::{self, Sources};
use crate::keys::Section;
use crate::load_error::LoadError;
use crate::location::Location;
use crate::node::{Member, Node, Value};
use crate::reader::{Reader, section};
use crate::reference::{self, join};
use crate::review::{self, Allowances};
use crate::sections;
use crate::settings::Settings;
use crate::trunkline_settings::{self, GLOBAL_LIMITS, GROUP_WAITS};

const ENVIRONMENT_VARIABLES: &str = "environment_variables";

/// What came of a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// What it says. To be acted on only if nothing [is fatal](Loaded::is_fatal).
    pub settings: Settings,
    /// What there is to say about it, file by file and line by line.
    pub diagnostics: Vec<Diagnostic>,
    /// The environment that was given, with `environment_variables` laid over it.
    pub environment: Environment,
    /// How many rows `model_list` has, those that cannot be read among them.
    pub rows: usize,
    /// The files that were read, the named one first.
    pub files: Vec<PathBuf>,
    /// What holds for rows that are silent, those that stand elsewhere too.
    pub(crate) row_defaults: RowDefaults,
}

impl Loaded {
    /// Whether a server must not start with it.
    pub fn is_fatal(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.fatal)
    }

    /// Why a server must not take it up: the first finding that is fatal, and how many there are besides. `None` if none is.
    pub fn refusal(&self) -> Option<String> {
        let mut fatal = self.diagnostics.iter().filter(|diagnostic| diagnostic.fatal);
        let first = fatal.next()?;
        Some(match fatal.count() {
            0 => first.to_string(),
            more => format!("{first}; and {more} more, which `trunkline check` tells"),
        })
    }

    /// Whether anything cannot be used as it is written.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Reads a configuration file and what it includes.
///
/// `allow_unsupported` names keys that may be without effect although they restrict something, by their path
/// or its last segments.
///
/// # Errors
///
/// When a file cannot be read or is not YAML. What is wrong inside it comes as diagnostics.
pub fn load(
    path: &Path,
    environment: &Environment,
    allow_unsupported: &[String],
) -> Result<Loaded, LoadError> {
    load_noting(path, environment, allow_unsupported, &mut Contents::default())
}

/// The same, and notes what the files held. They are noted as far as they were read where that fails, too.
///
/// # Errors
///
/// As [`load`].
pub fn load_noting(
    path: &Path,
    environment: &Environment,
    allow_unsupported: &[String],
    contents: &mut Contents,
) -> Result<Loaded, LoadError> {
    let mut report = Report::default();
    let sources = include::read_file(path, contents, &mut report)?;
    Ok(assemble(sources, environment, allow_unsupported, report))
}

/// Reads a configuration from a text; `name` stands for the file in diagnostics. It cannot include others.
///
/// # Errors
///
/// When the text is not YAML.
pub fn parse(
    text: &str,
    name: &str,
    environment: &Environment,
    allow_unsupported: &[String],
) -> Result<Loaded, LoadError> {
    let mut report = Report::default();
    let sources = include::read_text(text, name, &mut report)?;
    Ok(assemble(sources, environment, allow_unsupported, report))
}

/// What holds without a file: defaults, and what the environment says.
pub fn without_file(environment: &Environment) -> Loaded {
    let sources = Sources { members: Vec::new(), files: Vec::new() };
    assemble(sources, environment, &[], Report::default())
}

fn assemble(
    sources: Sources,
    environment: &Environment,
    allow_unsupported: &[String],
    mut report: Report,
) -> Loaded {
    let Sources { mut members, files } = sources;
    let environment = overlay(&mut members, environment, &mut report);
    for member in &mut members {
        if member.key != ENVIRONMENT_VARIABLES && !deployment::is_about_deployments(&member.key) {
            resolve(member, &environment, &mut report);
        }
    }
    let mut allowances = Allowances::new(allow_unsupported);
    review_sections(&members, &mut allowances, &mut report);

    let rows = deployment::rows(&members).len();
    let (deployments, row_defaults) = deployment::read(&members, &environment, &mut allowances, &mut report);
    let mut settings = Settings { deployments, ..Settings::default() };
    sections::read(&members, &environment, &mut settings, &mut report);
    settings.trunkline = trunkline_settings::read(
        section(&members, Section::TrunklineSettings, &mut Report::default()),
        &environment,
        &mut report,
    );
    check_groups_named(&members, &settings.deployments, &mut report);
    sections::lower_body_limits(&members, &mut settings.trunkline, &mut report);

    for entry in allowances.unused() {
        let message = "is allowed to be without effect, but no such key stands there";
        report.warn(&Location::whole("--allow-unsupported"), entry, message);
    }
    Loaded {
        settings,
        diagnostics: in_order(report.diagnostics, &files),
        environment,
        rows,
        files,
        row_defaults,
    }
}

/// Warns of waits and limits of groups that are not there.
fn check_groups_named(members: &[Member], deployments: &[DeploymentSettings], report: &mut Report) {
    let own = section(members, Section::TrunklineSettings, &mut Report::default());
    let groups = Groups::new(deployments, &[]);
    let mut reader = Reader::section(own, Section::TrunklineSettings.path(), report);
    for group in reader.members(GROUP_WAITS) {
        let key = format!("{GROUP_WAITS}.{}", group.key);
        groups.check_group(&mut reader, &key, &group.key, &group.location);
    }
    let models = reader.members(GLOBAL_LIMITS).iter().filter(|member| member.key == "models");
    for model in models.filter_map(|member| member.node.members()).flatten() {
        let key = format!("{GLOBAL_LIMITS}.models.{}", model.key);
        groups.check_group(&mut reader, &key, &model.key, &model.location);
    }
}

/// Lays `environment_variables` over the environment. Its values may refer to variables themselves.
fn overlay(members: &mut [Member], environment: &Environment, report: &mut Report) -> Environment {
    let Some(section) = members.iter_mut().find(|member| member.key == ENVIRONMENT_VARIABLES) else {
        return environment.clone();
    };
    resolve(section, environment, report);
    let mut reader = Reader::section(std::slice::from_ref(&*section), "", report);
    let mut variables = Vec::new();
    for variable in reader.members(ENVIRONMENT_VARIABLES) {
        let text = match &variable.node.value {
            Value::Null => continue,
            Value::Bool(value) => value.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::List(_) | Value::Map(_) => {
                reader.refuse(
                    &join(ENVIRONMENT_VARIABLES, &variable.key),
                    &variable.node.location,
                    "must be text",
                );
                continue;
            }
        };
        if environment.get(&variable.key).is_some_and(|own| own != text) {
            let message = "replaces the variable of this name in the process's environment";
            reader.report.note(&variable.location, join(ENVIRONMENT_VARIABLES, &variable.key), message);
        }
        variables.push((variable.key.clone(), text));
    }
    environment.overlaid(variables)
}

/// Resolves the references of a top-level key, and says which variables are missing.
fn resolve(top: &mut Member, environment: &Environment, report: &mut Report) {
    let section = Section::ALL.into_iter().find(|section| section.path() == top.key);
    let Value::Map(members) = &mut top.node.value else {
        let needed = review::needs_its_value(Section::TopLevel, &top.key);
        resolve_value(&mut top.node, &top.key, needed, environment, report);
        return;
    };
    for member in members {
        let needed = match section {
            Some(section) => review::needs_its_value(section, &member.key),
            None => review::needs_its_value(Section::TopLevel, &top.key),
        };
        resolve_value(&mut member.node, &join(&top.key, &member.key), needed, environment, report);
    }
}

fn resolve_value(node: &mut Node, path: &str, needed: bool, environment: &Environment, report: &mut Report) {
    for missing in reference::resolve(node, path, environment, report) {
        let message = format!("refers to {}, which is not set", missing.variable);
        if needed {
            report.fatal(&missing.location, missing.path, message);
        } else {
            report.warn(&missing.location, missing.path, message);
        }
    }
}

fn review_sections(members: &[Member], allowances: &mut Allowances<'_>, report: &mut Report) {
    review::review(Section::TopLevel, members, "", allowances, report);
    for which in [
        Section::LitellmSettings,
        Section::RouterSettings,
        Section::GeneralSettings,
        Section::TrunklineSettings,
    ] {
        let members = section(members, which, report);
        review::review(which, members, which.path(), allowances, report);
    }
}

/// File by file as they were read, each from top to bottom; what is in no file comes last.
fn in_order(mut diagnostics: Vec<Diagnostic>, files: &[PathBuf]) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|diagnostic| {
        let at = &diagnostic.location;
        let file = files.iter().position(|file| file.as_path() == Path::new(&*at.file));
        (at.line == 0, file.unwrap_or(usize::MAX), at.line, at.column)
    });
    diagnostics
}
