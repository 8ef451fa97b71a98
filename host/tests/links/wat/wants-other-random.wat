;; Imports a function of WASI with another type than it has, and one too many.
(component
  (import "wasi:random/random@0.2.0" (instance
    (export "get-random-u64" (func (result string)))
    (export "get-dice" (func (result u8))))))
