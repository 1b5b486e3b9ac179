/// Events by time, then by the order they were added.
struct EventQueue<Event> {
    /// Small, because the heap moves it about; the event itself stays where it is.
    private struct Key {
        var time: Int
        var sequence: Int
        var slot: Int

        func precedes(_ other: Key) -> Bool {
            time != other.time ? time < other.time : sequence < other.sequence
        }
    }

    private var heap: [Key] = []
    private var events: [Event?] = []
    private var free: [Int] = []
    private var sequence = 0

    mutating func add(at time: Int, _ event: Event) {
        sequence += 1
        let slot: Int
        if let last = free.popLast() {
            slot = last
            events[slot] = event
        } else {
            slot = events.count
            events.append(event)
        }
        let key = Key(time: time, sequence: sequence, slot: slot)
        var index = heap.count
        heap.append(key)
        while index > 0, key.precedes(heap[(index - 1) / 2]) {
            heap[index] = heap[(index - 1) / 2]
            index = (index - 1) / 2
        }
        heap[index] = key
    }

    mutating func next() -> (time: Int, event: Event)? {
        guard let first = heap.first, let last = heap.popLast(), let event = events[first.slot] else { return nil }
        events[first.slot] = nil
        free.append(first.slot)
        guard !heap.isEmpty else { return (first.time, event) }
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(last) else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = last
        return (first.time, event)
    }
}
