#include "tests/tools/tools_test.h"

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

namespace mendfs {

uint64_t TestSeed() {
  const char* text = std::getenv("MENDFS_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
}

TempDirectory::TempDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "mendfs-tools-XXXXXX").string();
  path_ = mkdtemp(name.data()) != nullptr ? name : "";
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string TempDirectory::path(const std::string& name) const {
  return name.empty() ? path_.string() : (path_ / name).string();
}

std::string TempDirectory::Write(const std::string& name, const std::string& bytes) const {
  std::ofstream(path(name), std::ios::binary) << bytes;
  return path(name);
}

Status RecordingIo::Out(std::string_view bytes) {
  if (!out_failure.ok()) return out_failure;
  out += bytes;
  return Status::Ok();
}

Result<bool> RecordingIo::Input(size_t index, std::string& chunk) {
  if (index != index_) {
    index_ = index;
    offset_ = 0;
  }
  chunk = inputs.at(index).substr(offset_, chunk_bytes);
  offset_ += chunk.size();
  if (chunk.empty() && !input_failure.ok()) return input_failure;
  return !chunk.empty();
}

std::string ReadWhole(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace mendfs
