//! The Vercel AI Gateway as a Trunkline provider.
