//! A service's component, compiled and looked into.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use wasmtime::component::{Component, ComponentExportIndex};

use super::{
    GivenBy,
    authorizer::AUTHORIZER,
    compiler::{CompileError, Compiler, Looked},
    contents::{BUILD_HELP, Contents},
    digest,
};
use crate::{
    engine::{Compiled, Defect, Kind},
    link::{self, InterfaceName, Surface},
    manifest::{Manifest, Problem, ServiceManifest},
    service::HANDLERS,
};

/// The largest component, in bytes, from a file as in a swap. A large one of an
/// interpreted language has 20 MB; compiling takes memory, many times its size.
pub const LARGEST: usize = 128 << 20;

/// What makes a component smaller.
pub const SMALLER_HELP: &str =
    "leave out what it does not use, and its debug information, as `wasm-tools strip` does; or make two services of it";

/// A service of a plan, in the manifest's order.
pub struct Part {
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Bytes of the component.
    pub size: usize,
    /// How long it took to compile.
    pub compiled_in: Duration,
    /// Whether that was done before, and kept.
    pub from_cache: bool,
    pub(super) given_by: GivenBy,
    pub(super) kind: Kind,
    pub(super) component: Component,
    pub(super) surface: Surface,
}

impl Part {
    /// Compile a component of a service.
    pub(super) fn compile(
        manifest: &Manifest,
        compiler: &Compiler,
        service: &ServiceManifest,
        given_by: GivenBy,
        bytes: &[u8],
    ) -> Result<Part, Box<Problem>> {
        let started = Instant::now();
        if let Some(contents) = Contents::instead(bytes) {
            return Err(Box::new(no_component(manifest, service, given_by, contents)));
        }
        let digest = digest(bytes);
        let looked = compiler.compile(&digest, bytes).map_err(|error| match error {
            CompileError::Component(error) => cannot_load(manifest, service, given_by, &error),
            CompileError::Engine(error) => {
                let title = format!("service `{}` cannot be run: {error}", service.name);
                let help = "lower `limits.instances`, or give the host more memory and threads";
                given_by.problem(manifest, &service.name, title, None, help)
            }
        })?;
        let Looked { kind, compiled: Compiled { component, from_cache }, surface } = looked;
        if kind == Kind::Plain && service.limits.concurrency > 1 {
            return Err(Box::new(one_call_at_a_time(manifest, service)));
        }
        let (size, compiled_in) = (bytes.len(), started.elapsed());
        Ok(Part { digest, size, compiled_in, from_cache, given_by, kind, component, surface })
    }

    /// Linear memories of one instance.
    pub(super) fn memories(&self) -> u32 {
        self.component.resources_required().map_or(0, |required| required.num_memories)
    }

    /// Whether it answers HTTP.
    pub(super) fn handles_http(&self) -> bool {
        HANDLERS.iter().any(|handler| handler.parse().is_ok_and(|handler| self.surface.export(&handler).is_some()))
    }

    /// The functions that links may call.
    pub(super) fn linkable_exports(&self) -> HashMap<String, ComponentExportIndex> {
        let mut indices = HashMap::new();
        // Of the host's own interfaces those alone that it asks components for.
        let is_asked = |name: &InterfaceName| AUTHORIZER.parse().is_ok_and(|asked| name.goes_with(&asked));
        let exports = self.surface.exports.iter();
        let exports = exports.filter(|export| !export.name.is_hosts() || is_asked(&export.name));
        // Of several compatible versions the one whose types were compared.
        for export in
            exports.filter(|export| self.surface.export(&export.name).is_some_and(|it| it.name == export.name))
        {
            let Some(interface) = self.component.get_export_index(None, &*export.name.to_string()) else { continue };
            for (function, _) in &export.functions {
                if let Some(index) = self.component.get_export_index(Some(&interface), function) {
                    indices.insert(link::export_key(&export.name, function), index);
                }
            }
        }
        indices
    }
}

/// Something else was given.
fn no_component(manifest: &Manifest, service: &ServiceManifest, given_by: GivenBy, contents: Contents) -> Problem {
    let Contents { what, help } = contents;
    let (title, detail) = match given_by {
        GivenBy::Manifest => {
            (format!("service `{}` has no component", service.name), Some(format!("`{}` is {what}", service.component)))
        }
        GivenBy::Sender => (format!("what was sent for service `{}` is {what}", service.name), None),
        GivenBy::History => (format!("{} is {what}", given_by.named(&service.name)), None),
    };
    given_by.problem(manifest, &service.name, title, detail, help)
}

/// Whatever wasmtime has against a component, in its own words: they name the
/// place in the file and the feature.
fn cannot_load(manifest: &Manifest, service: &ServiceManifest, given_by: GivenBy, error: &wasmtime::Error) -> Problem {
    let causes = error.chain().map(ToString::to_string);
    // The first of them calls every component a module.
    let causes: Vec<_> = causes.filter(|cause| cause != "failed to parse WebAssembly module").collect();
    let cause = causes.join(": ");
    let help = match &cause {
        cause if cause.contains("unexpected end") || cause.contains("out of bounds") => {
            "build it again: the file is cut off"
        }
        // Room is made beforehand, the same for every component.
        cause if cause.contains("exceeds the") => {
            "no component may have more: compose it of fewer parts, or make two services of it"
        }
        _ if error.is::<Defect>() => {
            "it may well be valid: put it together of other parts, or use a newer Dovetail when there is one"
        }
        _ => BUILD_HELP,
    };
    let title = format!("{} cannot be loaded", given_by.named(&service.name));
    given_by.problem(manifest, &service.name, title, Some(cause), help)
}

/// Its manifest has a limit that its component has no use for.
fn one_call_at_a_time(manifest: &Manifest, service: &ServiceManifest) -> Problem {
    let title =
        format!("service `{}` is to serve several calls in an instance, which its component cannot", service.name);
    let help = "leave limits.concurrency out, or build the component for WASI 0.3; for more calls at once raise \
                limits.instances";
    let label = "an instance of WASI 0.2 serves one call at a time";
    manifest.problem(&service.name, Some("limits.concurrency"), title, help).label(label)
}
