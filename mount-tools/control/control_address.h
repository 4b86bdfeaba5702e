// The address of a control socket: of the daemon that has a store open for writing, or of a
// read-only mount.
//
// A socket's name holds 107 bytes and a store may lie deeper: then the name goes through a
// directory descriptor, which stays open while the address is in use.
//
// Threads:  a value that moves
// Errors:   kNotFound, kDenied, kIo if the store's directory cannot be opened
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <string>
#include <utility>

#include "meta/base/status.h"

namespace mendfs {

class ControlAddress {
 public:
  static Result<ControlAddress> Make(const std::string& store_path);
  // Of a read-only mount, which makes nothing in its store: a name without a file, as long as its
  // daemon lives. `device` is that of its MountEntry.
  static ControlAddress OfMount(const std::string& device);
  ~ControlAddress();
  ControlAddress(ControlAddress&& other) noexcept
      : endpoint_(std::move(other.endpoint_)), directory_(std::exchange(other.directory_, -1)) {}
  ControlAddress& operator=(ControlAddress&&) = delete;

  const boost::asio::local::stream_protocol::endpoint& endpoint() const { return endpoint_; }

 private:
  ControlAddress() = default;
  boost::asio::local::stream_protocol::endpoint endpoint_;
  int directory_ = -1;
};

}  // namespace mendfs
