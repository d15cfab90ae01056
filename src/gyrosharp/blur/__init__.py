"""The blur model: trajectories (BlurField), linear operators (BlurOperator) and the native kernel."""
