// What the tests of the tools share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mount-tools/verbs/verb.h"

namespace mendfs {

// Of a random test: from MENDFS_SEED, else new each time.
uint64_t TestSeed();

// A directory that goes with the test.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  std::string path(const std::string& name = "") const;
  std::string Write(const std::string& name, const std::string& bytes) const;

 private:
  std::filesystem::path path_;
};

// Keeps what a verb says; its inputs are strings, cut into small chunks.
class RecordingIo final : public VerbIo {
 public:
  Status Out(std::string_view bytes) override;
  void Err(std::string_view line) override { errors.emplace_back(line); }
  void Progress(const LoadProgress& progress) override {
    stages.emplace_back(progress.stage);
    rows = progress.rows;
  }
  Result<bool> Input(size_t index, std::string& chunk) override;

  std::vector<std::string> inputs;
  size_t chunk_bytes = 7;
  Status input_failure;  // answered instead of the end of the first input
  Status out_failure;
  std::string out;
  std::vector<std::string> errors;
  std::vector<std::string> stages;
  uint64_t rows = 0;

 private:
  size_t index_ = 0;
  size_t offset_ = 0;
};

std::string ReadWhole(const std::string& path);

}  // namespace mendfs
