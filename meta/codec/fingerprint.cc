#include "meta/codec/fingerprint.h"

#include <string>

#include "meta/codec/bytes.h"

namespace mendfs {

Hash128 ContentLeaf(std::string_view key, std::string_view value) {
  return ContentLeaf(key, HashXxh3Wide(value));
}

// The digest has a fixed size and stands last, so no two pairs give the same bytes.
Hash128 ContentLeaf(std::string_view key, const Hash128& digest) {
  static thread_local std::string buffer;
  buffer.assign(key);
  PutHash(buffer, digest);
  return HashXxh3Wide(buffer);
}

}  // namespace mendfs
