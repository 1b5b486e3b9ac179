// Placeholder until the first file of Calibration lands.
