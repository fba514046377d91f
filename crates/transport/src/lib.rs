//! The HTTP client behind Trunkline's transport contract.
