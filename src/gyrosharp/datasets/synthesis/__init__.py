"""Making blurred pictures whose truth is known: hand-shake motion, blur and sensor noise."""
