/// The environment of processes that compute.
public enum ComputeEnvironment {
    /// One compute thread; and freed memory is kept for the next batch, whose tensors have the same sizes: by default the C
    /// library maps large ones anew each time, and the system clears every page again.
    public static let variables = [
        (name: "OMP_NUM_THREADS", value: "1"), (name: "MALLOC_MMAP_THRESHOLD_", value: "268435456"),
        (name: "MALLOC_TRIM_THRESHOLD_", value: "268435456"),
    ]
}
