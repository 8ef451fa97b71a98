//! Routes of one host, as a tree of segments.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    Asked, Methods, Pattern,
    pattern::{End, Segment},
    route::Fields,
};

/// What is known where some segments of a path have been read, the slash after them included.
///
/// Segment by segment from the left, what stands as it is goes before a parameter, and that
/// before a `*`; where the rest of the path fits none that began so, the next is tried. A look
/// visits each segment of a route once at most, however they branch.
#[derive(Debug)]
pub(crate) struct Node<T> {
    /// What matches if the path ends before that slash.
    here: Vec<Leaf<T>>,
    exact: BTreeMap<Box<str>, Node<T>>,
    parameter: Option<Box<Node<T>>>,
    /// What matches whatever follows, nothing included.
    below: Vec<Leaf<T>>,
}

/// Where a path has led: what else a request must have, and for whom it is then.
#[derive(Debug, Clone)]
pub(crate) struct Leaf<T> {
    pub methods: Methods,
    pub fields: Fields,
    pub value: T,
}

impl<T: Clone> Node<T> {
    /// Add what the pattern leads to.
    pub fn insert(&mut self, path: &Pattern, leaf: Leaf<T>) {
        let node = path.segments.iter().fold(self, Node::child);
        match path.end {
            End::Here => grow(&mut node.here, leaf),
            End::HereOrSlash => {
                grow(&mut node.here, leaf.clone());
                grow(&mut node.child(&Segment::Exact("".into())).here, leaf);
            }
            End::Below => grow(&mut node.below, leaf),
        }
    }
}

impl<T> Node<T> {
    /// What a normalised path leads to.
    pub fn find(&self, path: &str, asked: &Asked<'_>) -> Option<&T> {
        self.walk(path.strip_prefix('/'), &mut |leaves| {
            // One that names the method goes before one that admits it for another's sake.
            let fit = || leaves.iter().filter(|leaf| leaf.fits(asked));
            let named = fit().find(|leaf| leaf.methods.name(asked.method));
            named.or_else(|| fit().next()).map(|leaf| &leaf.value)
        })
    }

    /// Adds the methods of all that the path leads to, whatever the request's is.
    pub fn methods<'a>(&'a self, path: &str, asked: &Asked<'_>, all: &mut BTreeSet<&'a str>) {
        let gather = &mut |leaves: &'a [Leaf<T>]| {
            let fit = leaves.iter().filter(|leaf| leaf.has_fields(asked));
            all.extend(fit.flat_map(|leaf| leaf.methods.admitted()));
            None::<()>
        };
        self.walk(path.strip_prefix('/'), gather);
    }

    /// The first that is made of the leaves which a path leads to; `rest` follows a slash, and
    /// is none where no slash does.
    fn walk<'a, R>(&'a self, rest: Option<&str>, look: &mut impl FnMut(&'a [Leaf<T>]) -> Option<R>) -> Option<R> {
        let Some(rest) = rest else { return look(&self.here) };
        let (segment, deeper) = match rest.split_once('/') {
            Some((segment, deeper)) => (segment, Some(deeper)),
            None => (rest, None),
        };
        let exact = self.exact.get(segment);
        // A parameter stands for something.
        let parameter = self.parameter.as_deref().filter(|_| !segment.is_empty());
        let found = exact.into_iter().chain(parameter).find_map(|node| node.walk(deeper, look));
        found.or_else(|| look(&self.below))
    }

    fn child(&mut self, segment: &Segment) -> &mut Node<T> {
        match segment {
            Segment::Exact(text) => self.exact.entry(text.clone()).or_default(),
            Segment::Parameter => self.parameter.get_or_insert_default(),
        }
    }
}

impl<T> Leaf<T> {
    fn fits(&self, asked: &Asked<'_>) -> bool {
        self.methods.admit(asked.method) && self.has_fields(asked)
    }

    fn has_fields(&self, asked: &Asked<'_>) -> bool {
        self.fields.iter().all(|(name, value)| (asked.has)(name, value.as_deref()))
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { here: Vec::new(), exact: BTreeMap::new(), parameter: None, below: Vec::new() }
    }
}

/// Add a leaf behind those that go before it.
fn grow<T>(leaves: &mut Vec<Leaf<T>>, leaf: Leaf<T>) {
    leaves.push(leaf);
    // Stable, so that of equals the first stays before the others.
    leaves.sort_by_key(|leaf| (leaf.methods.are_all(), Reverse(leaf.fields.len())));
}
