;; Its memory begins with 128 MiB.
(component
  (core module $m (memory 2048))
  (core instance (instantiate $m)))
