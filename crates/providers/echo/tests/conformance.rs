//! Echo keeps the rules that every provider keeps, as far as they apply without an upstream.

use trunkline_testkit::conformance::Harness;

trunkline_testkit::conformance!(Harness::new("echo/any/model", trunkline_echo::register));
