//! What is printed at the start: which source won, where it listens, and three lines to copy.

use std::net::SocketAddr;

use crate::sources::{Origin, Sources};

/// The text for what is being served.
pub(crate) fn of(
    sources: &Sources,
    served: usize,
    audience: &str,
    scheme: &str,
    address: SocketAddr,
) -> String {
    let unspecified = address.ip().is_unspecified();
    let host = if unspecified { format!("localhost:{}", address.port()) } else { address.to_string() };
    let base = format!("{scheme}://{host}/v1");
    let model = example_model(sources);
    let has_key = sources.loaded.settings.general.master_key.is_some();
    let header = if has_key { " -H \"Authorization: Bearer $LITELLM_MASTER_KEY\"" } else { "" };
    let key = if has_key { "<master key>" } else { "unused" };
    format!(
        "trunkline {version}\n\
         serving  {what}\n\
         callers  {callers}\n\
         RUNNING on {scheme}://{address}\n\n\
         curl -s {base}/chat/completions{header} -H 'content-type: application/json' \
         -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n\
         python -c 'from openai import OpenAI; print(OpenAI(base_url=\"{base}\", api_key=\"{key}\")\
         .chat.completions.create(model=\"{model}\", messages=[{{\"role\":\"user\",\"content\":\"Hello\"}}])\
         .choices[0].message.content)'\n\
         const client = new OpenAI({{ baseURL: \"{base}\", apiKey: \"{key}\" }})  // TypeScript\n\n",
        version = env!("CARGO_PKG_VERSION"),
        what = what(sources, served),
        callers = audience,
    )
}

fn what(sources: &Sources, served: usize) -> String {
    let rows = sources.loaded.settings.deployments.len();
    match &sources.origin {
        Origin::File(path) => format!("{}: {served} of {rows} deployments", path.display()),
        Origin::Model { model, .. } => format!("{model}, from --model"),
        Origin::Vercel(credential) => format!("every model of the Vercel AI Gateway, with {credential}"),
        Origin::Nothing => "echo only: no file, and none of VERCEL_AI_GATEWAY_API_KEY, AI_GATEWAY_API_KEY, \
                            VERCEL_OIDC_TOKEN_FILE, VERCEL_OIDC_TOKEN is set"
            .to_owned(),
    }
}

fn example_model(sources: &Sources) -> String {
    match &sources.origin {
        Origin::File(_) => {
            let mut usable = sources.loaded.settings.deployments.iter().filter(|row| row.disabled.is_none());
            let first = usable.next().map_or("<model>", |row| row.group.as_str());
            if first.contains('*') { first.replace('*', "openai/gpt-4o") } else { first.to_owned() }
        }
        Origin::Model { model, alias, .. } => alias.clone().unwrap_or_else(|| model.clone()),
        Origin::Vercel(_) => "openai/gpt-4o".to_owned(),
        Origin::Nothing => "echo/hello".to_owned(),
    }
}
