;; Its start function never ends.
(component
  (core module $m
    (func $start (loop br 0))
    (start $start))
  (core instance (instantiate $m)))
