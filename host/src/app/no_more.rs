//! What a component does no more that the one before it did: it may be meant so, and may be
//! another service's component, by a slip of the pen.

use super::{App, Candidate};
use crate::link::Interface;

impl App {
    /// What the component of a candidate's service does, and its own does not, a sentence
    /// without its subject each.
    pub fn no_more(&self, candidate: &Candidate) -> Vec<String> {
        let (place, next) = (candidate.place(), &candidate.part().surface);
        let topology = self.topology();
        let before = &topology.parts[place];
        let imports = |interface: &Interface| next.imports.iter().any(|import| import.name.path == interface.name.path);
        let mut no_more = Vec::new();
        if before.handles_http() && !candidate.part().handles_http() {
            no_more.push("does not answer HTTP any more".to_owned());
        }
        for link in topology.links_from(place) {
            let (import, callee) = (topology.import(place, link.import), self.services[link.exporter].name());
            if !imports(import) {
                no_more.push(format!("does not call `{}` of `{callee}` any more", import.name));
            }
        }
        for emission in topology.emissions_from(place) {
            let import = topology.import(place, emission.import);
            if !imports(import) {
                no_more.push(format!("does not emit `{}` any more", import.name));
            }
        }
        for export in before.surface.exports.iter().filter(|export| export.is_linked()) {
            if !next.exports.iter().any(|other| other.name.path == export.name.path) {
                no_more.push(format!("does not export `{}` any more", export.name));
            }
        }
        no_more
    }
}
