//! What components import and export, compared function by function and shown
//! as WIT.

use std::fmt;

use wasmtime::component::{
    Component,
    types::{ComponentFunc, ComponentItem, Type},
};

use super::InterfaceName;
use crate::message::WitType;

/// The interfaces of a component.
pub struct Surface {
    /// What it wants from the host and from other services.
    pub imports: Vec<Interface>,
    /// What it offers.
    pub exports: Vec<Interface>,
    /// Names that it imports beside interfaces, which nobody can offer.
    pub strays: Vec<String>,
}

/// One interface as a component has it: an import may use fewer functions than
/// its exporter has.
pub struct Interface {
    /// Its name and version.
    pub name: InterfaceName,
    /// Its functions, in the component's order.
    pub functions: Vec<(String, ComponentFunc)>,
    /// Resources that it defines.
    pub resources: Vec<String>,
}

/// A function on which importer and exporter differ.
pub struct Mismatch {
    /// As the importer calls it.
    pub wanted: String,
    /// As the exporter has it, if it has it.
    pub offered: Option<String>,
}

impl Surface {
    /// Read a component's type.
    pub fn of(component: &Component) -> Surface {
        let (ty, engine) = (component.component_type(), component.engine());
        let mut surface = Surface { imports: Vec::new(), exports: Vec::new(), strays: Vec::new() };
        for (name, item) in ty.imports(engine) {
            // A type that the component gives a name to; there is nothing to offer.
            if let ComponentItem::Type(_) | ComponentItem::Resource(_) = item.ty {
                continue;
            }
            match Interface::of(component, name, item.ty) {
                Some(interface) => surface.imports.push(interface),
                None => surface.strays.push(name.into()),
            }
        }
        surface.exports =
            ty.exports(engine).filter_map(|(name, item)| Interface::of(component, name, item.ty)).collect();
        surface
    }

    /// Whether it imports or exports interfaces of WASI 0.3.
    pub fn is_of_wasi_03(&self) -> bool {
        let names = self.imports.iter().chain(&self.exports).map(|interface| &interface.name);
        names.filter(|name| name.is_wasi()).any(|name| {
            let version = name.version.as_ref();
            version.is_some_and(|version| (version.major, version.minor) == (0, 3) && version.pre.is_empty())
        })
    }

    /// The export that stands for an import of this name: of several compatible
    /// versions the latest.
    pub fn export(&self, name: &InterfaceName) -> Option<&Interface> {
        let compatible = self.exports.iter().filter(|export| export.name.goes_with(name));
        compatible.max_by(|one, other| one.name.version.cmp(&other.name.version))
    }
}

impl Interface {
    fn of(component: &Component, name: &str, item: ComponentItem) -> Option<Interface> {
        let ComponentItem::ComponentInstance(instance) = item else { return None };
        let mut interface = Interface { name: name.parse().ok()?, functions: Vec::new(), resources: Vec::new() };
        for (name, item) in instance.exports(component.engine()) {
            match item.ty {
                ComponentItem::ComponentFunc(function) => interface.functions.push((name.into(), function)),
                ComponentItem::Resource(_) => interface.resources.push(name.into()),
                _ => {}
            }
        }
        Some(interface)
    }

    /// Whether, as an import, it is for another service to serve. WASI is for the
    /// host, and an interface of types alone, which another one's `use` refers
    /// to, for nobody: types are compared where functions use them.
    pub fn is_linked(&self) -> bool {
        let types_alone = self.functions.is_empty() && self.resources.is_empty();
        !types_alone && !self.name.is_hosts()
    }

    /// Why the interface cannot be linked, if it cannot: what it carries belongs
    /// to one store.
    pub fn unlinkable(&self) -> Option<String> {
        if let Some(resource) = self.resources.first() {
            return Some(format!("it has the resource `{resource}`"));
        }
        self.functions.iter().find_map(|(name, function)| {
            let mut types = function.params().map(|(_, ty)| ty).chain(function.results());
            let carried = types.find_map(|ty| WitType::of(&ty).err())?;
            Some(format!("`{name}` carries a {}", carried.what()))
        })
    }

    /// A function of it as WIT would declare it.
    pub fn shown(&self, function: &str) -> Option<String> {
        self.functions.iter().find(|(name, _)| name == function).map(|(name, function)| show(name, function))
    }

    /// Every function of this import that the export has not, or has otherwise.
    pub fn mismatches(&self, export: &Interface) -> Vec<Mismatch> {
        let differing = self.functions.iter().filter_map(|(name, wanted)| {
            let offered = export.functions.iter().find(|(other, _)| other == name);
            match offered {
                Some((_, offered)) if same(wanted, offered) => None,
                _ => Some(Mismatch {
                    wanted: show(name, wanted),
                    offered: offered.map(|(name, offered)| show(name, offered)),
                }),
            }
        });
        differing.collect()
    }
}

fn same(one: &ComponentFunc, other: &ComponentFunc) -> bool {
    one.async_() == other.async_() && one.params().eq(other.params()) && one.results().eq(other.results())
}

/// A function as WIT would declare it, with every type written out, since a
/// component keeps no names of types.
fn show(name: &str, function: &ComponentFunc) -> String {
    let params: Vec<_> = function.params().map(|(name, ty)| format!("{name}: {}", Wit(&ty))).collect();
    let result = function.results().next().map(|ty| format!(" -> {}", Wit(&ty))).unwrap_or_default();
    let keyword = if function.async_() { "async func" } else { "func" };
    format!("{name}: {keyword}({}){result}", params.join(", "))
}

struct Wit<'a>(&'a Type);

impl fmt::Display for Wit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>| items.join(", ");
        let optional = |ty: &Option<Type>| ty.as_ref().map_or("_".into(), |ty| Wit(ty).to_string());
        match self.0 {
            Type::Bool => f.write_str("bool"),
            Type::S8 => f.write_str("s8"),
            Type::U8 => f.write_str("u8"),
            Type::S16 => f.write_str("s16"),
            Type::U16 => f.write_str("u16"),
            Type::S32 => f.write_str("s32"),
            Type::U32 => f.write_str("u32"),
            Type::S64 => f.write_str("s64"),
            Type::U64 => f.write_str("u64"),
            Type::Float32 => f.write_str("f32"),
            Type::Float64 => f.write_str("f64"),
            Type::Char => f.write_str("char"),
            Type::String => f.write_str("string"),
            Type::List(of) => write!(f, "list<{}>", Wit(&of.ty())),
            Type::FixedLengthList(of) => write!(f, "list<{}, {}>", Wit(&of.ty()), of.len()),
            Type::Map(of) => write!(f, "map<{}, {}>", Wit(&of.key()), Wit(&of.value())),
            Type::Option(of) => write!(f, "option<{}>", Wit(&of.ty())),
            Type::Tuple(of) => write!(f, "tuple<{}>", list(of.types().map(|ty| Wit(&ty).to_string()).collect())),
            Type::Record(of) => {
                let fields = of.fields().map(|field| format!("{}: {}", field.name, Wit(&field.ty)));
                write!(f, "record {{ {} }}", list(fields.collect()))
            }
            Type::Variant(of) => {
                let cases = of.cases().map(|case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, Wit(ty)),
                    None => case.name.into(),
                });
                write!(f, "variant {{ {} }}", list(cases.collect()))
            }
            Type::Enum(of) => write!(f, "enum {{ {} }}", list(of.names().map(Into::into).collect())),
            Type::Flags(of) => write!(f, "flags {{ {} }}", list(of.names().map(Into::into).collect())),
            Type::Result(of) => match (of.ok(), of.err()) {
                (None, None) => f.write_str("result"),
                (Some(ok), None) => write!(f, "result<{}>", Wit(&ok)),
                (ok, err) => write!(f, "result<{}, {}>", optional(&ok), optional(&err)),
            },
            Type::Own(_) | Type::Borrow(_) => f.write_str("resource"),
            Type::Future(of) => write!(f, "future<{}>", optional(&of.ty())),
            Type::Stream(of) => write!(f, "stream<{}>", optional(&of.ty())),
            Type::ErrorContext => f.write_str("error-context"),
        }
    }
}
