//! What a file says is what a router does.

use std::sync::Arc;
use std::time::Duration;

use trunkline_assembly::{Assembled, Assembly, BareDeployment};
use trunkline_config::{Environment, Loaded, parse};
use trunkline_core::ErrorKind;
use trunkline_provider::{Limits, Registry};
use trunkline_transport::{HttpTransport, TransportOptions};

fn loaded(file: &str) -> Loaded {
    let loaded = parse(file, "config.yaml", &Environment::default(), &[]).expect("YAML");
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded
}

fn registry() -> Arc<Registry> {
    let transport = HttpTransport::new(TransportOptions::from_environment(&Environment::default()));
    let transport = Arc::new(transport.expect("a transport"));
    let mut registry = Registry::new(transport, Environment::default(), Limits::default());
    trunkline_echo::register(&mut registry);
    Arc::new(registry)
}

fn waits(assembled: &Assembled, group: &str) -> (Duration, Duration) {
    let deployment = assembled.router.deployments().find(|deployment| &*deployment.group == group);
    let waits = deployment.expect("it serves").target().send.waits;
    (waits.connect, waits.total)
}

#[test]
fn the_narrowest_wait_goes_first() {
    let loaded = loaded(
        "model_list:
- {model_name: own, litellm_params: {model: echo/a, timeout: 3}}
- {model_name: of_group, litellm_params: {model: echo/b}}
- {model_name: of_all, litellm_params: {model: echo/c}}
litellm_settings: {request_timeout: 50}
trunkline_settings:
  connect_timeout_ms: 100
  group_waits: {own: {total_timeout_ms: 4000}, of_group: {connect_timeout_ms: 7, total_timeout_ms: 4000}}
",
    );
    let assembled = Assembly::of(&loaded.settings).router(&registry(), None, &[]).expect("a router");
    let (milliseconds, seconds) = (Duration::from_millis, Duration::from_secs);
    assert_eq!(waits(&assembled, "own"), (milliseconds(100), seconds(3)));
    assert_eq!(waits(&assembled, "of_group"), (milliseconds(7), seconds(4)));
    assert_eq!(waits(&assembled, "of_all"), (milliseconds(100), seconds(50)));
    let hurried = Assembly::of(&loaded.settings).with_total_timeout(Some(seconds(9)));
    let assembled = hurried.router(&registry(), None, &[]).expect("a router");
    assert_eq!(waits(&assembled, "of_group"), (milliseconds(7), seconds(4)));
    assert_eq!(waits(&assembled, "of_all"), (milliseconds(100), seconds(9)));
}

#[test]
fn a_row_that_cannot_be_served_is_left_out_and_told_of_where_it_stands() {
    let loaded = loaded(
        "model_list:
- {model_name: hello, litellm_params: {model: echo/hello}}
- {model_name: lost, litellm_params: {model: nobody/lost}}
- {model_name: blocked, litellm_params: {model: echo/a}, model_info: {blocked: true}}
",
    );
    let assembled = Assembly::of(&loaded.settings).router(&registry(), None, &[]).expect("a router");
    let served: Vec<&str> = assembled.router.deployments().map(|deployment| &*deployment.group).collect();
    assert_eq!(served, ["hello"]);
    let [(location, error)] = assembled.left_out.as_slice() else { panic!("{:?}", assembled.left_out) };
    assert_eq!((location.line, error.kind()), (3, ErrorKind::UnknownModel));
}

#[test]
fn what_is_stored_serves_beside_the_file_and_says_so() {
    let (of_file, stored) = (
        loaded("model_list:\n- {model_name: hello, litellm_params: {model: echo/hello}}\n"),
        loaded("model_list:\n- {model_name: more, litellm_params: {model: echo/more, mock_response: Hi}}\n"),
    );
    let assembly = Assembly::of(&of_file.settings);
    let assembled = assembly.router(&registry(), None, &stored.settings.deployments).expect("a router");
    let served: Vec<(&str, bool)> = assembled
        .router
        .deployments()
        .map(|deployment| (&*deployment.group, deployment.info["db_model"] == true))
        .collect();
    assert_eq!(served, [("hello", false), ("more", true)]);
    for row in &stored.settings.deployments {
        assembly.try_stored(row, &registry()).expect("it could be served");
    }
}

#[test]
fn what_is_bare_serves_or_is_refused() {
    let nothing = loaded("");
    let bare = |model: &str| {
        let bare = vec![BareDeployment::new("*", model)];
        Assembly::of(&nothing.settings).with_bare(bare).router(&registry(), None, &[])
    };
    assert_eq!(bare("echo/*").expect("a router").router.deployments().count(), 1);
    assert_eq!(bare("nobody/*").expect_err("nobody").kind(), ErrorKind::UnknownModel);
}
