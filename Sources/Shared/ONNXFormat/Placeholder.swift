// Placeholder until the first file of ONNXFormat lands.
