//! The smallest complete Trunkline provider: it answers with what it was asked, without a network.
