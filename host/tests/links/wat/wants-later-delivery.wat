;; Imports of Dovetail's own what a later host may have.
(component
  (import "dovetail:events/delivery@0.2.0" (instance (export "current" (func))))
  (import "dovetail:later/x@0.1.0" (instance (export "f" (func)))))
