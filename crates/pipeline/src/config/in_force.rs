//! The config that is in force: its text, which the journal keeps, and the plan that the text compiles to.

use ouzel_engine::plan::Plan;
use std::path::Path;
use std::sync::Arc;

/// A text and its plan. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce {
    /// As the user wrote it; secrets stand in it by reference only.
    pub text: Arc<str>,
    /// What is computed under it.
    pub plan: Arc<Plan>,
}

impl InForce {
    /// A config that was read already.
    pub fn new(text: &str, plan: Plan) -> InForce {
        InForce { text: text.into(), plan: Arc::new(plan) }
    }

    /// Reads a text that was in force once.
    ///
    /// # Errors
    /// When this build cannot read it; says its problems.
    pub fn read(text: &str) -> Result<InForce, String> {
        // Paths do not enter the plan, so it does not matter where the text stood.
        let read = super::read("the config in the journal", text, Path::new(""));
        match &read.config {
            Some(config) => Ok(InForce::new(text, config.plan.clone())),
            None => Err(read.render_all(text)),
        }
    }
}
