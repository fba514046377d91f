//! Trunkline's HTTP service as a library: endpoints, authentication, bodies, streams, records, errors.
