;; Its two memories are small enough one by one.
(component
  (core module $m (memory 700))
  (core instance (instantiate $m))
  (core instance (instantiate $m)))
