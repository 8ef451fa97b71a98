//! Schedules: whether the subscribers of an event have a function that time can call.

use wasmtime::component::types::ComponentFunc;

use super::{Event, InterfaceName, Part, Problem};
use crate::message::{Params, WitType};

/// Who emits an event, besides services.
pub struct Schedule<'a> {
    /// Its name.
    pub name: &'a str,
    /// The interface of the event, as the manifest has it.
    pub interface: &'a str,
    /// The function.
    pub function: &'a str,
}

impl<'a> Schedule<'a> {
    /// What is wrong with the subscribers that export the event. That one does not is told
    /// of elsewhere.
    pub fn problems(&self, parts: &[Part<'a>], events: &[Event<'a>]) -> Vec<Problem> {
        let Some(event) = events.iter().find(|event| event.interface == self.interface) else { return Vec::new() };
        let subscribers = parts.iter().filter(|part| event.subscribers.iter().any(|name| name == part.service));
        let (mut problems, mut first) = (Vec::new(), None::<(&Part, Params)>);
        for part in subscribers {
            let Some(export) = event.export(part.surface) else { continue };
            let Some((_, function)) = export.functions.iter().find(|(name, _)| name == self.function) else {
                problems.push(Problem::no_function(self, part, export));
                continue;
            };
            let Ok(params) = Params::of(function) else { continue };
            match &first {
                _ if !is_callable(&params) => problems.push(Problem::not_for_time(self, part, &params)),
                Some((other, taken)) if *taken != params => {
                    problems.push(Problem::differs(self, (other, taken), (part, &params)));
                }
                Some(_) => {}
                None => first = Some((part, params)),
            }
        }
        problems
    }

    /// What is called: the interface as the first subscriber has it, and the function.
    pub fn callee(&self, event: &Event<'a>, parts: &[Part<'a>]) -> Option<(&'a InterfaceName, &'a ComponentFunc)> {
        let first = event.subscribers.first()?;
        let part = parts.iter().find(|part| part.service == first)?;
        let export = event.export(part.surface)?;
        let (_, function) = export.functions.iter().find(|(name, _)| name == self.function)?;
        Some((&export.name, function))
    }
}

/// Whether time has all that is taken.
fn is_callable(params: &Params) -> bool {
    match &params.fields[..] {
        [] => true,
        [time] => time.ty == WitType::U64,
        _ => false,
    }
}
