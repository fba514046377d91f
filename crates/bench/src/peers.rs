//! Other gateways, measured where they are installed; nothing is ever installed for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where programs are looked for.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The names of all that are known.
pub(crate) const NAMES: [&str; 3] = ["nginx", "portkey", "litellm"];

/// A gateway that others make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The path of `litellm`.
    LiteLlm(PathBuf),
    /// The path of `@portkey-ai/gateway/build/start-server.js`.
    Portkey(PathBuf),
    /// The path of `nginx`.
    Nginx(PathBuf),
}

impl Peer {
    /// Those that are installed: where a flag says, else where they usually are.
    pub(crate) fn installed(litellm: Option<&str>, portkey: Option<&str>, nginx: Option<&str>) -> Vec<Self> {
        let found = |given: Option<&str>, name: &str| {
            given.map(PathBuf::from).into_iter().chain(on_path(name)).find(|path| path.is_file())
        };
        let script = "lib/node_modules/@portkey-ai/gateway/build/start-server.js";
        let portkeys = ["/usr/local", "/usr"].map(|root| Path::new(root).join(script));
        let portkey = portkey.map(PathBuf::from).into_iter().chain(portkeys).find(|path| path.is_file());
        [
            found(nginx, "nginx").map(Self::Nginx),
            portkey.map(Self::Portkey),
            found(litellm, "litellm").map(Self::LiteLlm),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::LiteLlm(_) => "litellm",
            Self::Portkey(_) => "portkey",
            Self::Nginx(_) => "nginx",
        }
    }

    /// Headers that its callers send besides.
    pub(crate) fn headers(&self, upstream: SocketAddr) -> String {
        match self {
            Self::Portkey(_) => {
                format!("x-portkey-provider: openai\r\nx-portkey-custom-host: http://{upstream}/v1\r\n")
            }
            Self::LiteLlm(_) | Self::Nginx(_) => String::new(),
        }
    }

    /// Variables that it is given.
    pub(crate) fn variables(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            // Otherwise its start waits for a list of prices from the network.
            Self::LiteLlm(_) => &[("LITELLM_LOCAL_MODEL_COST_MAP", "True")],
            Self::Portkey(_) | Self::Nginx(_) => &[],
        }
    }

    /// What stands in its configuration file.
    pub(crate) fn configuration(&self, upstream: SocketAddr, port: u16, folder: &Path) -> String {
        match self {
            Self::LiteLlm(_) => format!(
                "model_list:\n  - model_name: \"*\"\n    litellm_params:\n      model: \"openai/*\"\n      api_base: \
                 http://{upstream}/v1\n      api_key: sk-upstream\nlitellm_settings:\n  num_retries: 0\n"
            ),
            Self::Portkey(_) => String::new(),
            Self::Nginx(_) => {
                let folder = folder.display();
                // One process, so that its CPU time is that of the pid that is known.
                format!(
                    "daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;\nerror_log stderr;\n\
                     events {{ worker_connections 4096; }}\nhttp {{\n  access_log off; tcp_nodelay on; \
                     client_max_body_size 100m; keepalive_requests 1000000000;\n  client_body_temp_path {folder}/body; \
                     proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; \
                     scgi_temp_path {folder}/scgi;\n  upstream scripted {{ server {upstream}; keepalive 512; \
                     keepalive_requests 1000000000; }}\n  server {{ listen 127.0.0.1:{port};\n    location / {{ \
                     proxy_pass http://scripted; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
                     proxy_buffering off; }}\n  }}\n}}\n"
                )
            }
        }
    }

    /// The program and its arguments.
    pub(crate) fn command(&self, file: &Path, port: u16) -> (PathBuf, Vec<String>) {
        let (file, port) = (file.display().to_string(), port.to_string());
        match self {
            Self::LiteLlm(path) => {
                let words = ["--config", &file, "--host", "127.0.0.1", "--port", &port, "--num_workers", "1"];
                (path.clone(), words.map(str::to_owned).to_vec())
            }
            Self::Portkey(path) => {
                let node = on_path("node").next().unwrap_or_else(|| PathBuf::from("node"));
                (node, vec![path.display().to_string(), format!("--port={port}"), "--headless".to_owned()])
            }
            Self::Nginx(path) => (path.clone(), vec!["-c".to_owned(), file]),
        }
    }
}

fn on_path(name: &str) -> impl Iterator<Item = PathBuf> {
    PATH.split(':').map(move |folder| Path::new(folder).join(name)).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_measured() {
        let names: Vec<PathBuf> = on_path("no-such-program-anywhere").collect();
        assert!(names.is_empty());
        let peer = Peer::Nginx(PathBuf::from("/usr/sbin/nginx"));
        let upstream = SocketAddr::from(([127, 0, 0, 1], 9));
        let text = peer.configuration(upstream, 81, Path::new("/x"));
        assert!(text.contains("server 127.0.0.1:9;") && text.contains("listen 127.0.0.1:81;"), "{text}");
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
