//! End-to-end tests and house rules of the Trunkline workspace.
