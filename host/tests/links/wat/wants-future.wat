;; Imports a function that answers with a future.
(component
  (type $later (future string))
  (import "demo:feed/feed@1.0.0" (instance
    (alias outer 1 $later (type $later))
    (export "next" (func (result $later))))))
