import Quantization
import Testing

/// One result of ONNX Runtime's `compute_scale_zp`.
struct Golden: Sendable, CustomTestStringConvertible {
    let type: QuantizedType
    let isSymmetric: Bool
    let minimum: Float
    let maximum: Float
    let scaleBits: UInt32
    let zeroPoint: Int32

    var testDescription: String { "\(type) symmetric \(isSymmetric) \(minimum) ... \(maximum)" }
}

/// Made with compute_scale_zp of ONNX Runtime 1.31.1 and the integer ranges of its quantizer.
let goldens: [Golden] = [
    Golden(type: .int8, isSymmetric: false, minimum: -1.0, maximum: 2.0, scaleBits: 0x3C40C0C1, zeroPoint: -43),
    Golden(type: .int8, isSymmetric: true, minimum: -1.0, maximum: 2.0, scaleBits: 0x3C810204, zeroPoint: 0),
    Golden(type: .uint8, isSymmetric: false, minimum: -1.0, maximum: 2.0, scaleBits: 0x3C40C0C1, zeroPoint: 85),
    Golden(type: .uint8, isSymmetric: true, minimum: -1.0, maximum: 2.0, scaleBits: 0x3C808081, zeroPoint: 128),
    Golden(type: .int16, isSymmetric: false, minimum: -1.0, maximum: 2.0, scaleBits: 0x384000C0, zeroPoint: -10923),
    Golden(type: .int16, isSymmetric: true, minimum: -1.0, maximum: 2.0, scaleBits: 0x38800100, zeroPoint: 0),
    Golden(type: .uint16, isSymmetric: false, minimum: -1.0, maximum: 2.0, scaleBits: 0x384000C0, zeroPoint: 21845),
    Golden(type: .uint16, isSymmetric: true, minimum: -1.0, maximum: 2.0, scaleBits: 0x38800080, zeroPoint: 32768),
    Golden(type: .int8, isSymmetric: false, minimum: 1.0, maximum: 2.0, scaleBits: 0x3C008081, zeroPoint: -128),
    Golden(type: .int8, isSymmetric: true, minimum: 1.0, maximum: 2.0, scaleBits: 0x3C810204, zeroPoint: 0),
    Golden(type: .uint8, isSymmetric: false, minimum: 1.0, maximum: 2.0, scaleBits: 0x3C008081, zeroPoint: 0),
    Golden(type: .uint8, isSymmetric: true, minimum: 1.0, maximum: 2.0, scaleBits: 0x3C808081, zeroPoint: 128),
    Golden(type: .int16, isSymmetric: false, minimum: 1.0, maximum: 2.0, scaleBits: 0x38000080, zeroPoint: -32768),
    Golden(type: .int16, isSymmetric: true, minimum: 1.0, maximum: 2.0, scaleBits: 0x38800100, zeroPoint: 0),
    Golden(type: .uint16, isSymmetric: false, minimum: 1.0, maximum: 2.0, scaleBits: 0x38000080, zeroPoint: 0),
    Golden(type: .uint16, isSymmetric: true, minimum: 1.0, maximum: 2.0, scaleBits: 0x38800080, zeroPoint: 32768),
    Golden(type: .int8, isSymmetric: false, minimum: -3.0, maximum: -1.0, scaleBits: 0x3C40C0C1, zeroPoint: 127),
    Golden(type: .int8, isSymmetric: true, minimum: -3.0, maximum: -1.0, scaleBits: 0x3CC18306, zeroPoint: 0),
    Golden(type: .uint8, isSymmetric: false, minimum: -3.0, maximum: -1.0, scaleBits: 0x3C40C0C1, zeroPoint: 255),
    Golden(type: .uint8, isSymmetric: true, minimum: -3.0, maximum: -1.0, scaleBits: 0x3CC0C0C1, zeroPoint: 128),
    Golden(type: .int16, isSymmetric: false, minimum: -3.0, maximum: -1.0, scaleBits: 0x384000C0, zeroPoint: 32767),
    Golden(type: .int16, isSymmetric: true, minimum: -3.0, maximum: -1.0, scaleBits: 0x38C00180, zeroPoint: 0),
    Golden(type: .uint16, isSymmetric: false, minimum: -3.0, maximum: -1.0, scaleBits: 0x384000C0, zeroPoint: 65535),
    Golden(type: .uint16, isSymmetric: true, minimum: -3.0, maximum: -1.0, scaleBits: 0x38C000C0, zeroPoint: 32768),
    Golden(type: .int8, isSymmetric: false, minimum: 0.0, maximum: 6.0, scaleBits: 0x3CC0C0C1, zeroPoint: -128),
    Golden(type: .int8, isSymmetric: true, minimum: 0.0, maximum: 6.0, scaleBits: 0x3D418306, zeroPoint: 0),
    Golden(type: .uint8, isSymmetric: false, minimum: 0.0, maximum: 6.0, scaleBits: 0x3CC0C0C1, zeroPoint: 0),
    Golden(type: .uint8, isSymmetric: true, minimum: 0.0, maximum: 6.0, scaleBits: 0x3D40C0C1, zeroPoint: 128),
    Golden(type: .int16, isSymmetric: false, minimum: 0.0, maximum: 6.0, scaleBits: 0x38C000C0, zeroPoint: -32768),
    Golden(type: .int16, isSymmetric: true, minimum: 0.0, maximum: 6.0, scaleBits: 0x39400180, zeroPoint: 0),
    Golden(type: .uint16, isSymmetric: false, minimum: 0.0, maximum: 6.0, scaleBits: 0x38C000C0, zeroPoint: 0),
    Golden(type: .uint16, isSymmetric: true, minimum: 0.0, maximum: 6.0, scaleBits: 0x394000C0, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: -0.8100000023841858, maximum: 2.0199999809265137,
        scaleBits: 0x3C35D48D, zeroPoint: -55),
    Golden(
        type: .int8, isSymmetric: true, minimum: -0.8100000023841858, maximum: 2.0199999809265137,
        scaleBits: 0x3C824C47, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: -0.8100000023841858, maximum: 2.0199999809265137,
        scaleBits: 0x3C35D48D, zeroPoint: 73),
    Golden(
        type: .uint8, isSymmetric: true, minimum: -0.8100000023841858, maximum: 2.0199999809265137,
        scaleBits: 0x3C81C977, zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: -0.8100000023841858, maximum: 2.0199999809265137,
        scaleBits: 0x38351F6D, zeroPoint: -14011),
    Golden(
        type: .int16, isSymmetric: true, minimum: -0.8100000023841858, maximum: 2.0199999809265137,
        scaleBits: 0x388148B1, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: -0.8100000023841858, maximum: 2.0199999809265137,
        scaleBits: 0x38351F6D, zeroPoint: 18757),
    Golden(
        type: .uint16, isSymmetric: true, minimum: -0.8100000023841858, maximum: 2.0199999809265137,
        scaleBits: 0x3881482F, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: -1.0000000031710769e-30, maximum: 1.0000000031710769e-30,
        scaleBits: 0x0A22E545, zeroPoint: -1),
    Golden(
        type: .int8, isSymmetric: true, minimum: -1.0000000031710769e-30, maximum: 1.0000000031710769e-30,
        scaleBits: 0x0A238973, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: -1.0000000031710769e-30, maximum: 1.0000000031710769e-30,
        scaleBits: 0x0A22E545, zeroPoint: 127),
    Golden(
        type: .uint8, isSymmetric: true, minimum: -1.0000000031710769e-30, maximum: 1.0000000031710769e-30,
        scaleBits: 0x0A22E545, zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: -1.0000000031710769e-30, maximum: 1.0000000031710769e-30,
        scaleBits: 0x06224302, zeroPoint: 0),
    Golden(
        type: .int16, isSymmetric: true, minimum: -1.0000000031710769e-30, maximum: 1.0000000031710769e-30,
        scaleBits: 0x062243A5, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: -1.0000000031710769e-30, maximum: 1.0000000031710769e-30,
        scaleBits: 0x06224302, zeroPoint: 32768),
    Golden(
        type: .uint16, isSymmetric: true, minimum: -1.0000000031710769e-30, maximum: 1.0000000031710769e-30,
        scaleBits: 0x06224302, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: -3.0000000054977558e+38, maximum: 3.0000000054977558e+38,
        scaleBits: 0x7BE2947A, zeroPoint: 0),
    Golden(
        type: .int8, isSymmetric: true, minimum: -3.0000000054977558e+38, maximum: 3.0000000054977558e+38,
        scaleBits: 0x7BE378D8, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: -3.0000000054977558e+38, maximum: 3.0000000054977558e+38,
        scaleBits: 0x7BE2947A, zeroPoint: 128),
    Golden(
        type: .uint8, isSymmetric: true, minimum: -3.0000000054977558e+38, maximum: 3.0000000054977558e+38,
        scaleBits: 0x7BE2947A, zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: -3.0000000054977558e+38, maximum: 3.0000000054977558e+38,
        scaleBits: 0x77E1B2C8, zeroPoint: 0),
    Golden(
        type: .int16, isSymmetric: true, minimum: -3.0000000054977558e+38, maximum: 3.0000000054977558e+38,
        scaleBits: 0x77E1B3A9, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: -3.0000000054977558e+38, maximum: 3.0000000054977558e+38,
        scaleBits: 0x77E1B2C8, zeroPoint: 32768),
    Golden(
        type: .uint16, isSymmetric: true, minimum: -3.0000000054977558e+38, maximum: 3.0000000054977558e+38,
        scaleBits: 0x77E1B2C8, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: -9.99994610111476e-41, maximum: 1.0000002153053333e-39,
        scaleBits: 0x3F800000, zeroPoint: 0),
    Golden(
        type: .int8, isSymmetric: true, minimum: -9.99994610111476e-41, maximum: 1.0000002153053333e-39,
        scaleBits: 0x3F800000, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: -9.99994610111476e-41, maximum: 1.0000002153053333e-39,
        scaleBits: 0x3F800000, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: true, minimum: -9.99994610111476e-41, maximum: 1.0000002153053333e-39,
        scaleBits: 0x3F800000, zeroPoint: 0),
    Golden(
        type: .int16, isSymmetric: false, minimum: -9.99994610111476e-41, maximum: 1.0000002153053333e-39,
        scaleBits: 0x3F800000, zeroPoint: 0),
    Golden(
        type: .int16, isSymmetric: true, minimum: -9.99994610111476e-41, maximum: 1.0000002153053333e-39,
        scaleBits: 0x3F800000, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: -9.99994610111476e-41, maximum: 1.0000002153053333e-39,
        scaleBits: 0x3F800000, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: true, minimum: -9.99994610111476e-41, maximum: 1.0000002153053333e-39,
        scaleBits: 0x3F800000, zeroPoint: 0),
    Golden(type: .int8, isSymmetric: false, minimum: -5.5, maximum: 127.25, scaleBits: 0x3F054545, zeroPoint: -117),
    Golden(type: .int8, isSymmetric: true, minimum: -5.5, maximum: 127.25, scaleBits: 0x3F804081, zeroPoint: 0),
    Golden(type: .uint8, isSymmetric: false, minimum: -5.5, maximum: 127.25, scaleBits: 0x3F054545, zeroPoint: 11),
    Golden(type: .uint8, isSymmetric: true, minimum: -5.5, maximum: 127.25, scaleBits: 0x3F7F7F7F, zeroPoint: 128),
    Golden(type: .int16, isSymmetric: false, minimum: -5.5, maximum: 127.25, scaleBits: 0x3B04C085, zeroPoint: -30053),
    Golden(type: .int16, isSymmetric: true, minimum: -5.5, maximum: 127.25, scaleBits: 0x3B7E81FD, zeroPoint: 0),
    Golden(type: .uint16, isSymmetric: false, minimum: -5.5, maximum: 127.25, scaleBits: 0x3B04C085, zeroPoint: 2715),
    Golden(type: .uint16, isSymmetric: true, minimum: -5.5, maximum: 127.25, scaleBits: 0x3B7E80FF, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: -1.5251796245574951, maximum: 30.44611930847168,
        scaleBits: 0x3E0062FF, zeroPoint: -116),
    Golden(
        type: .int8, isSymmetric: true, minimum: -1.5251796245574951, maximum: 30.44611930847168, scaleBits: 0x3E757CA0,
        zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: -1.5251796245574951, maximum: 30.44611930847168,
        scaleBits: 0x3E0062FF, zeroPoint: 12),
    Golden(
        type: .uint8, isSymmetric: true, minimum: -1.5251796245574951, maximum: 30.44611930847168,
        scaleBits: 0x3E74862D, zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: -1.5251796245574951, maximum: 30.44611930847168,
        scaleBits: 0x39FFC638, zeroPoint: -29642),
    Golden(
        type: .int16, isSymmetric: true, minimum: -1.5251796245574951, maximum: 30.44611930847168,
        scaleBits: 0x3A73938E, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: -1.5251796245574951, maximum: 30.44611930847168,
        scaleBits: 0x39FFC638, zeroPoint: 3126),
    Golden(
        type: .uint16, isSymmetric: true, minimum: -1.5251796245574951, maximum: 30.44611930847168,
        scaleBits: 0x3A73929B, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: 0.5423228144645691, maximum: 37.87065887451172, scaleBits: 0x3E1813A2,
        zeroPoint: -128),
    Golden(
        type: .int8, isSymmetric: true, minimum: 0.5423228144645691, maximum: 37.87065887451172, scaleBits: 0x3E98ACE8,
        zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: 0.5423228144645691, maximum: 37.87065887451172,
        scaleBits: 0x3E1813A2, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: true, minimum: 0.5423228144645691, maximum: 37.87065887451172, scaleBits: 0x3E9813A2,
        zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: 0.5423228144645691, maximum: 37.87065887451172,
        scaleBits: 0x3A177C25, zeroPoint: -32768),
    Golden(
        type: .int16, isSymmetric: true, minimum: 0.5423228144645691, maximum: 37.87065887451172, scaleBits: 0x3A977CBD,
        zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: 0.5423228144645691, maximum: 37.87065887451172,
        scaleBits: 0x3A177C25, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: true, minimum: 0.5423228144645691, maximum: 37.87065887451172,
        scaleBits: 0x3A977C25, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: -0.12121710181236267, maximum: 37.12602615356445,
        scaleBits: 0x3E1592C0, zeroPoint: -127),
    Golden(
        type: .int8, isSymmetric: true, minimum: -0.12121710181236267, maximum: 37.12602615356445,
        scaleBits: 0x3E95AC66, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: -0.12121710181236267, maximum: 37.12602615356445,
        scaleBits: 0x3E1592C0, zeroPoint: 1),
    Golden(
        type: .uint8, isSymmetric: true, minimum: -0.12121710181236267, maximum: 37.12602615356445,
        scaleBits: 0x3E951623, zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: -0.12121710181236267, maximum: 37.12602615356445,
        scaleBits: 0x3A14FDC2, zeroPoint: -32555),
    Golden(
        type: .int16, isSymmetric: true, minimum: -0.12121710181236267, maximum: 37.12602615356445,
        scaleBits: 0x3A948236, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: -0.12121710181236267, maximum: 37.12602615356445,
        scaleBits: 0x3A14FDC2, zeroPoint: 213),
    Golden(
        type: .uint16, isSymmetric: true, minimum: -0.12121710181236267, maximum: 37.12602615356445,
        scaleBits: 0x3A9481A2, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: -8.651937484741211, maximum: 20.228038787841797,
        scaleBits: 0x3DE7F223, zeroPoint: -52),
    Golden(
        type: .int8, isSymmetric: true, minimum: -8.651937484741211, maximum: 20.228038787841797, scaleBits: 0x3E231938,
        zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: -8.651937484741211, maximum: 20.228038787841797,
        scaleBits: 0x3DE7F223, zeroPoint: 76),
    Golden(
        type: .uint8, isSymmetric: true, minimum: -8.651937484741211, maximum: 20.228038787841797,
        scaleBits: 0x3E22757B, zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: -8.651937484741211, maximum: 20.228038787841797,
        scaleBits: 0x39E70B18, zeroPoint: -13135),
    Golden(
        type: .int16, isSymmetric: true, minimum: -8.651937484741211, maximum: 20.228038787841797,
        scaleBits: 0x3A21D44A, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: -8.651937484741211, maximum: 20.228038787841797,
        scaleBits: 0x39E70B18, zeroPoint: 19633),
    Golden(
        type: .uint16, isSymmetric: true, minimum: -8.651937484741211, maximum: 20.228038787841797,
        scaleBits: 0x3A21D3A8, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: 2.3202805519104004, maximum: 27.01205825805664, scaleBits: 0x3DD8F1A4,
        zeroPoint: -128),
    Golden(
        type: .int8, isSymmetric: true, minimum: 2.3202805519104004, maximum: 27.01205825805664, scaleBits: 0x3E59CC4B,
        zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: 2.3202805519104004, maximum: 27.01205825805664,
        scaleBits: 0x3DD8F1A4, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: true, minimum: 2.3202805519104004, maximum: 27.01205825805664, scaleBits: 0x3E58F1A4,
        zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: 2.3202805519104004, maximum: 27.01205825805664,
        scaleBits: 0x39D8198A, zeroPoint: -32768),
    Golden(
        type: .int16, isSymmetric: true, minimum: 2.3202805519104004, maximum: 27.01205825805664, scaleBits: 0x3A581A62,
        zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: 2.3202805519104004, maximum: 27.01205825805664,
        scaleBits: 0x39D8198A, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: true, minimum: 2.3202805519104004, maximum: 27.01205825805664,
        scaleBits: 0x3A58198A, zeroPoint: 32768),
    Golden(
        type: .int8, isSymmetric: false, minimum: 1.8108059167861938, maximum: 7.188620567321777, scaleBits: 0x3CE6F01E,
        zeroPoint: -128),
    Golden(
        type: .int8, isSymmetric: true, minimum: 1.8108059167861938, maximum: 7.188620567321777, scaleBits: 0x3D67D8E0,
        zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: false, minimum: 1.8108059167861938, maximum: 7.188620567321777,
        scaleBits: 0x3CE6F01E, zeroPoint: 0),
    Golden(
        type: .uint8, isSymmetric: true, minimum: 1.8108059167861938, maximum: 7.188620567321777, scaleBits: 0x3D66F01E,
        zeroPoint: 128),
    Golden(
        type: .int16, isSymmetric: false, minimum: 1.8108059167861938, maximum: 7.188620567321777,
        scaleBits: 0x38E60A14, zeroPoint: -32768),
    Golden(
        type: .int16, isSymmetric: true, minimum: 1.8108059167861938, maximum: 7.188620567321777, scaleBits: 0x39660AFA,
        zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: false, minimum: 1.8108059167861938, maximum: 7.188620567321777,
        scaleBits: 0x38E60A14, zeroPoint: 0),
    Golden(
        type: .uint16, isSymmetric: true, minimum: 1.8108059167861938, maximum: 7.188620567321777,
        scaleBits: 0x39660A14, zeroPoint: 32768),
]
