;; Imports an async function.
(component
  (import "demo:feed/feed@1.0.0" (instance
    (export "next" (func async (result string))))))
