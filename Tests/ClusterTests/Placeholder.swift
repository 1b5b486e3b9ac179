// Placeholder until the services land.
