//! The rules of framing that a batch's blocks carry, each compiled once.

use super::ObjectError;
use headrig_contract::framing::{Framing, FramingRule};
use std::collections::VecDeque;

/// So many rules are kept: a batch has few objects, and each agent few sources.
const FRAMINGS_MAX: usize = 16;

/// The rules used last, the latest first.
#[derive(Debug, Default)]
pub(super) struct Framings(VecDeque<Framing>);

impl Framings {
    /// The framing by `rule`.
    pub(super) fn of(&mut self, rule: &FramingRule) -> Result<Framing, ObjectError> {
        if rule.is_default() {
            return Ok(Framing::default());
        }
        if let Some(known) = self.0.iter().find(|known| known.rule() == rule) {
            return Ok(known.clone());
        }
        let framing = Framing::new(rule.clone())?;
        self.0.truncate(FRAMINGS_MAX - 1);
        self.0.push_front(framing.clone());
        Ok(framing)
    }
}
