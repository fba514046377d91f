//! `trunkline claude` and `trunkline codex`: prints what points an agent at this gateway, or starts it so.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;

use trunkline_agents::arguments::number;
use trunkline_agents::{Agent, Gateway, Key};
use trunkline_core::Environment;

use crate::flags::{AgentFlags, Flags};
use crate::sources::Sources;

/// Prints the lines, or becomes the agent, whose exit code is then this program's.
pub(crate) fn run(
    agent: Agent,
    asked: &AgentFlags,
    flags: &Flags,
    environment: &Environment,
) -> Result<(), Box<dyn Error>> {
    let (url, own_key) = match &asked.url {
        // The key of the configuration is for the server that the configuration is of.
        Some(url) => (url.clone(), None),
        None => {
            let sources = Sources::read(flags, environment)?;
            let has_key = asked.key.is_some() || sources.loaded.settings.general.master_key.is_some();
            if !has_key && environment.get("TRUNKLINE_API_KEY").is_none() {
                // A master key that this shell does not have is told here, not by the agent's 401.
                sources.refuse_fatal(|finding| eprintln!("{finding}"))?;
            }
            let port = number(flags.port, &sources.loaded.environment, "PORT", 4000)?;
            let address = SocketAddr::new(flags.host.unwrap_or(Ipv4Addr::LOCALHOST.into()), port);
            let url = Gateway::local_url(address, flags.ssl_certfile_path.is_some());
            (url, sources.loaded.settings.general.master_key)
        }
    };
    let gateway = Gateway::new(&url, Key::chosen(asked.key.clone(), own_key, environment))?;
    let launch = agent.launch(&gateway, asked.model.as_deref(), environment);
    let Some(arguments) = &asked.run else {
        launch.remarks.iter().for_each(|remark| eprintln!("trunkline: {remark}"));
        print!("{}", launch.script()?);
        return Ok(());
    };
    let failure = launch.command(arguments).exec();
    let (program, package) = (launch.program, launch.package);
    Err(format!("{program} did not start: {failure}; `npm install --global {package}` brings it").into())
}
