//! Components, each instantiated once, and what of one is tied to what of another.

use wac_graph::{
    CompositionGraph, EncodeError, EncodeOptions, NodeId, PackageId, Processor,
    types::{ItemKind, Package, Type},
};

use super::ComposeError;
use crate::{defect::contained, link::InterfaceName};

/// The instances of a composition. What an instance imports and is tied to
/// nothing becomes an import of the whole.
#[derive(Default)]
pub struct Graph(CompositionGraph);

/// An instance of a component.
#[derive(Clone)]
pub struct Instance {
    /// Whose it is: a service's name, or one of ours, which has a colon.
    pub name: String,
    package: PackageId,
    node: NodeId,
}

impl Graph {
    /// Instantiate a component. The name is given once.
    pub fn add(&mut self, name: &str, component: impl Into<Vec<u8>>) -> Result<Instance, ComposeError> {
        let cannot = |source| ComposeError::Component { name: name.into(), source };
        let package = contained(|| Package::from_bytes(name, None, component, self.0.types_mut()));
        let package = package.map_err(|source| ComposeError::Defect { name: name.into(), source })?.map_err(cannot)?;
        let package = self.0.register_package(package).map_err(|error| cannot(error.into()))?;
        Ok(Instance { name: name.into(), package, node: self.0.instantiate(package) })
    }

    /// What an instance imports.
    pub fn imports(&self, instance: &Instance) -> Vec<String> {
        self.0.types()[self.0[instance.package].ty()].imports.keys().cloned().collect()
    }

    /// What an instance imports and is not tied to anything yet.
    pub fn open_imports(&self, instance: &Instance) -> Vec<String> {
        let tied: Vec<_> = self.0.get_instantiation_arguments(instance.node).map(|(import, _)| import).collect();
        self.imports(instance).into_iter().filter(|import| !tied.contains(&import.as_str())).collect()
    }

    /// What an instance exports.
    pub fn exports(&self, instance: &Instance) -> Vec<String> {
        self.0.types()[self.0[instance.package].ty()].exports.keys().cloned().collect()
    }

    /// The export that stands for an import of this name: of several compatible
    /// versions the latest, as links have it.
    pub fn export(&self, instance: &Instance, name: &str) -> Option<String> {
        let wanted: InterfaceName = name.parse().ok()?;
        let exports = self.exports(instance).into_iter();
        let compatible = exports.filter_map(|export| Some((export.parse::<InterfaceName>().ok()?, export)));
        let compatible = compatible.filter(|(export, _)| export.goes_with(&wanted));
        compatible.max_by(|(one, _), (other, _)| one.version.cmp(&other.version)).map(|(_, export)| export)
    }

    /// Tie an import of one instance to an export of another.
    pub fn tie(
        &mut self,
        importer: &Instance,
        import: &str,
        exporter: &Instance,
        export: &str,
    ) -> Result<(), ComposeError> {
        let cannot = |source: anyhow::Error| ComposeError::Tie {
            importer: importer.name.clone(),
            import: import.into(),
            exporter: exporter.name.clone(),
            source,
        };
        let export = self.0.alias_instance_export(exporter.node, export).map_err(|error| cannot(error.into()))?;
        self.0.set_instantiation_argument(importer.node, import, export).map_err(|error| cannot(error.into()))
    }

    /// Have the whole export all that an instance does.
    pub fn export_all(&mut self, instance: &Instance) -> Result<(), ComposeError> {
        for name in self.exports(instance) {
            let cannot = |source| ComposeError::Export { name: instance.name.clone(), export: name.clone(), source };
            let export = self.0.alias_instance_export(instance.node, &name).map_err(|error| cannot(error.into()))?;
            self.0.export(export, &name).map_err(|error| cannot(error.into()))?;
        }
        Ok(())
    }

    /// The whole as a component, which is valid.
    pub fn encode(&self) -> Result<Vec<u8>, ComposeError> {
        let encoded = contained(|| encode(&self.0));
        let encoded = encoded.map_err(|source| ComposeError::Defect { name: self.unbearable(), source })?;
        encoded.map_err(|error| ComposeError::Encode(error.into()))
    }

    /// Whose component the library that composes them panics at, when it is alone, too.
    fn unbearable(&self) -> String {
        let panics = |package: &&Package| {
            let alone = || -> anyhow::Result<()> {
                let mut graph = CompositionGraph::new();
                let package = Package::from_bytes(package.name(), None, package.bytes(), graph.types_mut())?;
                let package = graph.register_package(package)?;
                graph.instantiate(package);
                encode(&graph)?;
                Ok(())
            };
            contained(alone).is_err()
        };
        self.0.packages().find(panics).map_or("the whole app", Package::name).to_owned()
    }
}

fn encode(graph: &CompositionGraph) -> Result<Vec<u8>, EncodeError> {
    let processor = Processor { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };
    graph.encode(EncodeOptions { processor: Some(processor), ..EncodeOptions::default() })
}

/// What a component asks of its host by functions or resources. A type, and an
/// interface of types alone, ask for nothing.
pub fn imports_of(component: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("composed", None, component, graph.types_mut())?;
    let types = graph.types();
    let is_type = |kind: &ItemKind| matches!(kind, ItemKind::Type(ty) if !matches!(ty, Type::Resource(_)));
    let asks = |kind: &ItemKind| match kind {
        ItemKind::Instance(id) => !types[*id].exports.values().all(is_type),
        ItemKind::Type(_) => false,
        _ => true,
    };
    let imports = types[package.ty()].imports.iter();
    Ok(imports.filter(|(_, kind)| asks(kind)).map(|(name, _)| name.clone()).collect())
}
