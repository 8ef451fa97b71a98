;; Imports a function that answers with a stream.
(component
  (type $bytes (stream u8))
  (import "demo:feed/feed@1.0.0" (instance
    (alias outer 1 $bytes (type $bytes))
    (export "read" (func (result $bytes))))))
