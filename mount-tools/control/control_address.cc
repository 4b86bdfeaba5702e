#include "mount-tools/control/control_address.h"

#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "mount-tools/mounting/target.h"

namespace mendfs {

Result<ControlAddress> ControlAddress::Make(const std::string& store_path) {
  ControlAddress address;
  std::string path = ControlSocketPath(store_path);
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    address.directory_ = open(store_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (address.directory_ < 0) {
      const Code code = errno == ENOENT   ? Code::kNotFound
                        : errno == EACCES ? Code::kDenied
                                          : Code::kIo;
      return Status(code, store_path + ": " + strerror(errno));
    }
    path = ControlSocketPath("/proc/self/fd/" + std::to_string(address.directory_));
  }
  address.endpoint_ = boost::asio::local::stream_protocol::endpoint(path);
  return address;
}

ControlAddress ControlAddress::OfMount(const std::string& device) {
  ControlAddress address;
  const std::string name = std::string(1, '\0') + "mendfs/" + device;
  address.endpoint_ = boost::asio::local::stream_protocol::endpoint(name);
  return address;
}

ControlAddress::~ControlAddress() {
  if (directory_ >= 0) close(directory_);
}

}  // namespace mendfs
