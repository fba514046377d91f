//! The real binary over real HTTP: what callers, operators and probes see of it.

mod client;
mod office;
mod server;

mod access;
mod agents;
mod bad_input;
mod billing;
mod budgets;
mod configuration;
mod disconnect;
mod embeddings;
mod explain;
mod faults;
mod headers;
mod health;
mod keys;
mod ledger;
mod log;
mod media;
mod messages;
mod metrics;
mod models;
mod operation;
mod outage;
mod prices;
mod reconcile;
mod reload;
mod replicas;
mod responses;
mod routing;
mod start;
mod stop;
mod streams;
mod tenants;
mod waits;
