package volume

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// encrypt gives the kernel a new random key and lets everything in an empty folder be encrypted under it. It returns the
// kernel's name of the key.
func encrypt(folder string) (string, error) {
	const size = unix.FSCRYPT_MAX_KEY_SIZE
	var arg struct {
		head unix.FscryptAddKeyArg
		raw  [size]byte
	}
	defer clear(arg.raw[:])
	if _, err := rand.Read(arg.raw[:]); err != nil {
		return "", err
	}
	arg.head.Key_spec.Type = unix.FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER
	arg.head.Raw_size = size
	if err := control(folder, unix.FS_IOC_ADD_ENCRYPTION_KEY, unsafe.Pointer(&arg)); err != nil { // #nosec G103 -- the kernel's interface
		return "", unsupported(folder, err)
	}
	policy := unix.FscryptPolicyV2{
		Version:                   unix.FSCRYPT_POLICY_V2,
		Contents_encryption_mode:  unix.FSCRYPT_MODE_AES_256_XTS,
		Filenames_encryption_mode: unix.FSCRYPT_MODE_AES_256_CTS,
		Flags:                     unix.FSCRYPT_POLICY_FLAGS_PAD_32,
	}
	copy(policy.Master_key_identifier[:], arg.head.Key_spec.U[:])
	id := hex.EncodeToString(policy.Master_key_identifier[:])
	if err := control(folder, unix.FS_IOC_SET_ENCRYPTION_POLICY, unsafe.Pointer(&policy)); err != nil { // #nosec G103 -- the kernel's interface
		return "", errors.Join(unsupported(folder, err), dropKey(folder, id))
	}
	return id, nil
}

// unsupported says what a host lacks whose kernel does not encrypt folders.
func unsupported(folder string, err error) error {
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("the file system of %s does not encrypt folders; it needs ext4 made with `mkfs.ext4 -O encrypt` (or `tune2fs -O encrypt`), or f2fs", folder)
	}
	return fmt.Errorf("encrypt %s: %w", folder, err)
}

// keyPresent tells whether the kernel holds the key for the file system of a folder.
func keyPresent(folder, id string) (bool, error) {
	key, err := decodeKeyID(id)
	if err != nil {
		return false, err
	}
	var arg unix.FscryptGetKeyStatusArg
	arg.Key_spec.Type = unix.FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER
	copy(arg.Key_spec.U[:], key[:])
	if err := control(folder, unix.FS_IOC_GET_ENCRYPTION_KEY_STATUS, unsafe.Pointer(&arg)); err != nil { // #nosec G103 -- the kernel's interface
		return false, err
	}
	return arg.Status == unix.FSCRYPT_KEY_STATUS_PRESENT, nil
}

// keyOf is the name of the key under which a folder is encrypted.
func keyOf(folder string) (string, error) {
	arg := unix.FscryptGetPolicyExArg{Size: 24}
	if err := control(folder, unix.FS_IOC_GET_ENCRYPTION_POLICY_EX, unsafe.Pointer(&arg)); err != nil { // #nosec G103 -- the kernel's interface
		return "", err
	}
	var policy unix.FscryptPolicyV2
	if err := binary.Read(bytes.NewReader(arg.Policy[:]), binary.NativeEndian, &policy); err != nil {
		return "", err
	}
	return hex.EncodeToString(policy.Master_key_identifier[:]), nil
}

// dropKey makes the kernel forget a key. From then on nobody can read what lies under it.
func dropKey(folder, id string) error {
	key, err := decodeKeyID(id)
	if err != nil {
		return err
	}
	var arg unix.FscryptRemoveKeyArg
	arg.Key_spec.Type = unix.FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER
	copy(arg.Key_spec.U[:], key[:])
	err = control(folder, unix.FS_IOC_REMOVE_ENCRYPTION_KEY, unsafe.Pointer(&arg)) // #nosec G103 -- the kernel's interface
	switch {
	case errors.Is(err, unix.ENOKEY):
		return nil
	case err != nil:
		return fmt.Errorf("drop the key %s: %w", id, err)
	case arg.Removal_status_flags&unix.FSCRYPT_KEY_REMOVAL_STATUS_FLAG_FILES_BUSY != 0:
		return fmt.Errorf("drop the key %s: files under it are still open", id)
	}
	return nil
}

// control makes an ioctl on a folder.
func control(folder string, request uintptr, arg unsafe.Pointer) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg))
	err = f.Close()
	if errno != 0 {
		return errno
	}
	return err
}

// mountMemory mounts memory at a folder.
func mountMemory(folder, size string) error {
	options := "mode=0700"
	if size != "" {
		options += ",size=" + size
	}
	if err := unix.Mount("ringfence", folder, "tmpfs", unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("mount memory at %s: %w", folder, err)
	}
	return nil
}

// isMemory tells whether memory is mounted at a folder.
func isMemory(folder string) bool {
	var here, above unix.Stat_t
	var system unix.Statfs_t
	if unix.Stat(folder, &here) != nil || unix.Stat(folder+"/..", &above) != nil || unix.Statfs(folder, &system) != nil {
		return false
	}
	return here.Dev != above.Dev && int64(system.Type) == unix.TMPFS_MAGIC //nolint:unconvert // its width differs between machines
}

// fitrim is FITRIM of linux/fs.h.
const fitrim = 0xc0185879

// Trim gives the free blocks of a folder's file system back to the device, which then forgets what lay in them. A device that
// cannot do so is left as it is.
func Trim(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := unix.Syncfs(int(f.Fd())); err != nil { // what was removed is free only then
		return fmt.Errorf("sync %s: %w", folder, err)
	}
	whole := struct{ start, length, least uint64 }{length: math.MaxUint64}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fitrim, uintptr(unsafe.Pointer(&whole))) // #nosec G103 -- the kernel's interface
	if errno != 0 && errno != unix.EOPNOTSUPP && errno != unix.ENOTTY {
		return fmt.Errorf("trim %s: %w", folder, errno)
	}
	return nil
}
