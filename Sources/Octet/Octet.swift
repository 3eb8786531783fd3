// The umbrella: `import Octet` brings every floor's public interface.
@_exported import OctetFormats
@_exported import OctetGraph
@_exported import OctetNN
@_exported import OctetQuantization
@_exported import OctetTensor
