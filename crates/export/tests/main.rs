//! The exporter before real HTTP on loopback: what arrives, and what happens where nobody takes it.

mod failing;
mod identity;
mod otlp;
mod records;
mod running;
mod webhook;
