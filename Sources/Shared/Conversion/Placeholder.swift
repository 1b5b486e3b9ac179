// Placeholder until the first file of Conversion lands.
