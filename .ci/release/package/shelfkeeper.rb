class Shelfkeeper < Formula
  desc "Keeps you signed in to Audiobookshelf, for every program on the desktop"
  homepage "https://github.com/shelfkeeper/shelfkeeper"
  version "<<.Version>>"
  license "MIT"

  on_macos do
    on_arm do
      url "https://github.com/shelfkeeper/shelfkeeper/releases/download/v#{version}/shelfkeeper-#{version}-darwin-arm64.tar.gz"
      sha256 "<<.Sum.darwin_arm64>>"
    end
    on_intel do
      url "https://github.com/shelfkeeper/shelfkeeper/releases/download/v#{version}/shelfkeeper-#{version}-darwin-amd64.tar.gz"
      sha256 "<<.Sum.darwin_amd64>>"
    end
  end
  on_linux do
    on_arm do
      url "https://github.com/shelfkeeper/shelfkeeper/releases/download/v#{version}/shelfkeeper-#{version}-linux-arm64.tar.gz"
      sha256 "<<.Sum.linux_arm64>>"
    end
    on_intel do
      url "https://github.com/shelfkeeper/shelfkeeper/releases/download/v#{version}/shelfkeeper-#{version}-linux-amd64.tar.gz"
      sha256 "<<.Sum.linux_amd64>>"
    end
  end

  def install
    bin.install "shelfkeeper"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/shelfkeeper.bash" => "shelfkeeper"
    zsh_completion.install "completions/shelfkeeper.zsh" => "_shelfkeeper"
    fish_completion.install "completions/shelfkeeper.fish"
  end

  service do
    run [opt_bin/"shelfkeeper", "run"]
    keep_alive successful_exit: false
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/shelfkeeper version")
  end
end
