//! What a library that is preloaded into a process stands before.

use std::ffi::{CStr, c_char, c_void};

/// The function of this name that would be called if this library were not there.
macro_rules! real {
    ($name:literal as $type:ty) => {{
        static FOUND: std::sync::LazyLock<usize> = std::sync::LazyLock::new(|| $crate::real::find($name));
        // SAFETY: it is the C library's, which has this type.
        unsafe { std::mem::transmute::<usize, $type>(*FOUND) }
    }};
}

pub fn find(name: &CStr) -> usize {
    unsafe extern "C" {
        fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    // Of those that are loaded after this one.
    let next = std::ptr::without_provenance_mut(usize::MAX);
    // SAFETY: the name ends with a zero.
    unsafe { dlsym(next, name.as_ptr()) }.addr()
}
