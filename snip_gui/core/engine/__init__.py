"""Many runs: work items, the executors that do them, and the engine that keeps them going."""
