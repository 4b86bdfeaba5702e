#include "meta/codec/fingerprint.h"

#include <string>

#include "meta/codec/bytes.h"

namespace mendfs {

// The digest has a fixed size and stands last, so no two pairs give the same bytes.
Hash128 ContentLeaf(std::string_view key, std::string_view value) {
  static thread_local std::string buffer;
  buffer.assign(key);
  PutHash(buffer, HashXxh3Wide(value));
  return HashXxh3Wide(buffer);
}

}  // namespace mendfs
