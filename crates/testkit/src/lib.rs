//! What provider authors test with: a conformance suite, a scripted upstream, a Vercel AI Gateway simulator.
