//! What a file says is what a router does.

use std::sync::Arc;
use std::time::Duration;

use trunkline_assembly::{Assembled, Assembly, BareDeployment, price_file};
use trunkline_config::{Contents, Environment, Loaded, load, parse};
use trunkline_core::{ErrorKind, ServiceTier};
use trunkline_prices::{PriceFile, Prices};
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

#[test]
fn a_price_file_stands_beside_the_file_that_names_it_and_is_noted_whatever_it_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, prices) = (folder.path().join("config.yaml"), folder.path().join("prices.json"));
    std::fs::write(&config, "trunkline_settings: {price_file: prices.json}\n").expect("written");
    let loaded = load(&config, &Environment::default(), &[]).expect("YAML");
    let read = || {
        let mut contents = Contents::default();
        let file = price_file(&loaded, &mut contents);
        (file.map(|file| file.map(|(path, file)| (path, file.len()))), contents)
    };
    let (missing, none) = read();
    let error = missing.expect_err("it is not there");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("prices.json cannot be read"), "{error}");
    std::fs::write(&prices, "[]").expect("written");
    let (bad, noted) = read();
    assert!(bad.expect_err("no object").message().ends_with("is not an object of models"));
    assert!(none != noted && noted != Contents::default(), "both are followed");
    std::fs::write(&prices, "{\"echo/a\": {\"input_cost_per_token\": 1e-6}}").expect("written");
    assert_eq!(read().0.expect("it is one"), Some((prices.clone(), 1)));
    let mut blanks = b"{}".to_vec();
    blanks.resize(16 * 1024 * 1024 + 1, b' ');
    std::fs::write(&prices, blanks).expect("written");
    let (large, _) = read();
    assert!(large.expect_err("a byte too many").message().ends_with("it is larger than 16777216 bytes"));
    let silent = self::loaded("");
    assert!(price_file(&silent, &mut Contents::default()).expect("none").is_none());
}

#[test]
fn prices_go_on_with_the_price_file_that_is_named_now() {
    let file = PriceFile::parse("{\"echo/a\": {\"input_cost_per_token\": 1e-6}}").expect("a price file");
    let (loaded, registry) =
        (loaded("model_list:\n- {model_name: a, litellm_params: {model: echo/a}}\n"), registry());
    let assembly = Assembly::of(&loaded.settings);
    let first = assembly.clone().with_price_file(Some(Arc::new(file)));
    let first = first.router(&registry, None, &[]).expect("a router").router;
    assert!(first.prices().get("echo/a").is_some());
    let second = assembly.router(&registry, Some(&first), &[]).expect("a router").router;
    assert_eq!(*second.prices(), Prices::bundled(), "no file is named any more");
}

#[test]
fn a_row_states_what_service_tiers_cost() {
    let loaded = loaded(
        "model_list:
- model_name: a
  litellm_params: {model: echo/a, input_cost_per_token: 2, input_cost_per_token_flex: 1}
",
    );
    let assembled = Assembly::of(&loaded.settings).router(&registry(), None, &[]).expect("a router");
    let deployment = assembled.router.deployments().next().expect("it serves");
    let price = deployment.price.as_ref().expect("it states one");
    assert_eq!(price.services.iter().map(|service| service.tier).collect::<Vec<_>>(), [ServiceTier::Flex]);
}
