//! Module doc here.
//!
//! More.

use std::io;

/// Doc of Foo.
#[derive(Debug)]
pub struct Foo<T> {
    /// a field
    pub a: T,
    b: u32,
}
pub struct Tup(pub u32, String);
pub enum E { /** var doc */ A, B(u8), C { x: u8 } }
impl<T> Foo<T> {
    /// new doc
    #[inline]
    pub fn new(a: T) -> Self { Foo { a, b: 0 } }
}
impl std::fmt::Display for Foo<u8> { fn fmt(&self) {} }
trait Tr { const K: u8; type Out; fn f(&self); }
macro_rules! mm { () => {} }
mod inner { //! inner doc
 pub const X: u8 = 1; static Y: u8 = 2; type A = u8; }
union U { a: u8 }
extern "C" { fn cf(x: u8); }
cfg_rt! {
    /// hidden
    pub fn in_macro(x: u8) { y(); }
}
